"""Azure's commands on a node, where nobody is logged on: Az modules and CLI of the recipe ([GK] texts).

Nothing of Azure is simulated, so a log-on never comes about, and every other command says that there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from harness.twin.cmdlets.declaring import Body, Module, classes
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.systemprograms import NodeProgram, loud
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.host import Writer

AZ_ACCOUNTS: Final = Module("Az.Accounts", classes("Microsoft.Azure.Commands.Profile.{}Command"))
AZ_RESOURCES: Final = Module(
    "Az.Resources", classes("Microsoft.Azure.Commands.ResourceManager.Cmdlets.Implementation.{}Cmdlet")
)
AZ_MACHINES: Final = Module(
    "Az.ConnectedMachine", classes("Microsoft.Azure.PowerShell.Cmdlets.ConnectedMachine.Cmdlets.{}")
)
FEATURE: Final = Shape(
    "Microsoft.Azure.PowerShell.Cmdlets.ConnectedMachine.Models.ProductFeature",
    "Name SubscriptionStatus EnrollmentDate BillingStartDate",
)
_INVALID: Final = "System.Management.Automation.PSInvalidOperationException"
_CODE_LIVES_S: Final = 15 * 60
"""[GK] How long a code for another browser is good."""
_LOG_ON: Final = (
    Parameter("Tenant", "string", aliases=("TenantId", "Domain")),
    Parameter("Subscription", "string", aliases=("SubscriptionId", "SubscriptionName")),
    Parameter("UseDeviceAuthentication", "switch", aliases=("DeviceCode", "DeviceAuth", "Device")),
    Parameter("AccountId", "string"),
    Parameter("Identity", "switch"),
    Parameter("ServicePrincipal", "switch"),
    Parameter("Credential", "object"),
    Parameter("Environment", "string"),
)
_MACHINE: Final = (
    Parameter("Name", "string", position=0, aliases=("ExtensionName",)),
    Parameter("MachineName", "string", position=1),
    Parameter("ResourceGroupName", "string"),
    Parameter("SubscriptionId", "string[]"),
    Parameter("Location", "string"),
    Parameter("Publisher", "string"),
    Parameter("ExtensionType", "string", aliases=("MachineExtensionType",)),
    Parameter("Setting", "object", aliases=("Settings",)),
    Parameter("EnableAutomaticUpgrade", "switch"),
    Parameter("NoWait", "switch"),
    Parameter("AsJob", "switch"),
)


@AZ_ACCOUNTS.cmdlet("Connect-AzAccount", *_LOG_ON, aliases=("Login-AzAccount", "Add-AzAccount"))
def connect(call: Call) -> None:
    """Asks for a log-on that nobody completes: at once without a browser, after its time with a code."""
    if not call.switch("UseDeviceAuthentication"):
        text = (
            "Interactive authentication is not supported in this session, please run cmdlet 'Connect-AzAccount "
            "-UseDeviceAuthentication'."
        )
        raise call.fail(text, "InvalidOperation", "InvalidOperation", exception=_INVALID)
    call.write_warning(
        "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code "
        "HILTWIN00 to authenticate."
    )
    call.wait(_CODE_LIVES_S)
    text = "DeviceCodeCredential authentication failed: verification code expired before contacting the server."
    raise call.fail(
        text, "AuthenticationFailedException", "CloseError", exception="Azure.Identity.AuthenticationFailedException"
    )


@AZ_ACCOUNTS.cmdlet("Get-AzContext", Parameter("Name", "string"), Parameter("ListAvailable", "switch"))
def get_context(call: Call) -> Iterator[object]:
    """None: nobody is logged on."""
    del call
    yield from ()


@AZ_ACCOUNTS.cmdlet("Disconnect-AzAccount", Parameter("Username", "string"), aliases=("Logout-AzAccount",))
def disconnect(call: Call) -> None:
    """There is nobody to log off."""
    del call


@AZ_RESOURCES.cmdlet(
    "Get-AzResource",
    Parameter("ResourceId", "string"),
    Parameter("Name", "string"),
    Parameter("ResourceGroupName", "string"),
    Parameter("ResourceType", "string"),
)
def get_resource(call: Call) -> None:
    """Needs a log-on."""
    raise call.fail("Run Connect-AzAccount to login.", "InvalidOperation", "InvalidOperation", exception=_INVALID)


def _needs_account() -> Body:
    def refuse(call: Call) -> None:
        text = "No account found in the context. Please login using Connect-AzAccount."
        raise call.fail(text, "InvalidOperationException", "NotSpecified", exception="System.InvalidOperationException")

    return refuse


_PROFILE: Final = (
    *(item for item in _MACHINE if item.name in ("MachineName", "ResourceGroupName", "SubscriptionId", "Location")),
    Parameter("ProductType", "string"),
    Parameter("SubscriptionStatus", "string"),
    Parameter("ProductFeature", "object[]"),
)
for _verb in ("Get", "New", "Remove", "Update"):
    _changes = _verb != "Get"
    AZ_MACHINES.cmdlet(f"{_verb}-AzConnectedMachineExtension", *_MACHINE, should_process=_changes)(_needs_account())
    AZ_MACHINES.cmdlet(f"{_verb}-AzConnectedLicenseProfile", *_PROFILE, should_process=_changes)(_needs_account())


@AZ_MACHINES.cmdlet(
    "New-AzConnectedLicenseProfileFeature",
    Parameter("Name", "string"),
    Parameter("SubscriptionStatus", "string", values=("Enable", "Disable")),
)
def new_feature(call: Call) -> Iterator[object]:
    """A feature of a licence profile, in memory ([D])."""
    yield FEATURE.make(call.text("Name"), call.text("SubscriptionStatus"), None, None)


@loud
def az(_host: Any, words: Sequence[str], _stdin: IO[bytes], _stdout: Writer, stderr: Writer) -> int:
    """Azure CLI without an account; logging on, and what the CLI says of itself, are not simulated."""
    verb = words[1].lower() if len(words) > 1 else ""
    if verb in ("", "login", "version", "--version", "extension", "config", "cloud", "upgrade", "-h", "--help"):
        raise limitation(f"'{' '.join(words)}' is not simulated")
    stderr(b"ERROR: Please run 'az login' to setup account.\r\n")
    return 1


PROGRAMS: Final[dict[str, NodeProgram]] = {"az": az}
