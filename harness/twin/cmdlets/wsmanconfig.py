"""The drive ``WSMan:`` and the CredSSP settings of WinRM ([D] PSD Microsoft.WSMan.Management; winrm config defaults).

What somebody sets is kept in the registry below ``…\\WSMAN``, where Windows keeps it, with Windows' names for the
settings that guides look up there [GK]; nothing in the twin's WinRM follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.fileobjects import PROVIDER_ACTS
from harness.twin.cmdlets.registrykeys import make_value
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.hostinterface import NOBODY
from harness.twin.shell.objects import PSObject
from harness.twin.shell.text import to_text

WSMAN_CONFIG: Final = Module("Microsoft.WSMan.Management", classes("Microsoft.WSMan.Management.{}Command"))
ELEMENT: Final = Shape(
    ("Microsoft.WSMan.Management.WSManConfigElement", "System.Object"),
    "PSPath PSParentPath PSChildName PSIsContainer Type Name SourceOfValue Value",
)
_KEY: Final = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
_FRESH: Final = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\CredentialsDelegation\\AllowFreshCredentials"
_PROVIDER: Final = "Microsoft.WSMan.Management\\WSMan"
_INVALID: Final = "System.InvalidOperationException"
Tree = dict[str, "str | Tree"]
_PORTS: Final[Tree] = {"HTTP": "5985", "HTTPS": "5986"}
_MOST: Final = "2147483647"
DEFAULTS: Final[Tree] = {
    "MaxEnvelopeSizekb": "500",
    "MaxTimeoutms": "60000",
    "MaxBatchItems": "32000",
    "MaxProviderRequests": "4294967295",
    "Client": {
        "NetworkDelayms": "5000",
        "URLPrefix": "wsman",
        "AllowUnencrypted": "false",
        "Auth": {
            "Basic": "true",
            "Digest": "true",
            "Kerberos": "true",
            "Negotiate": "true",
            "Certificate": "true",
            "CredSSP": "false",
        },
        "DefaultPorts": _PORTS,
        "TrustedHosts": "",
    },
    "Service": {
        "MaxConcurrentOperations": "4294967295",
        "MaxConcurrentOperationsPerUser": "1500",
        "EnumerationTimeoutms": "240000",
        "MaxConnections": "300",
        "MaxPacketRetrievalTimeSeconds": "120",
        "AllowUnencrypted": "false",
        "Auth": {
            "Basic": "false",
            "Kerberos": "true",
            "Negotiate": "true",
            "Certificate": "false",
            "CredSSP": "true",
            "CbtHardeningLevel": "Relaxed",
        },
        "DefaultPorts": _PORTS,
        "IPv4Filter": "*",
        "IPv6Filter": "*",
        "EnableCompatibilityHttpListener": "false",
        "EnableCompatibilityHttpsListener": "false",
        "CertificateThumbprint": "",
        "AllowRemoteAccess": "true",
    },
    "Shell": {
        "AllowRemoteShellAccess": "true",
        "IdleTimeout": "7200000",
        "MaxConcurrentUsers": _MOST,
        "MaxShellRunTime": _MOST,
        "MaxProcessesPerShell": _MOST,
        "MaxMemoryPerShellMB": _MOST,
        "MaxShellsPerUser": _MOST,
    },
}
"""[D] Defaults; that the service takes CredSSP [INF]: the nodes of the lab answer it."""
_ASKED: Final = ("TrustedHosts", "AllowUnencrypted")
"""Settings whose change has to be confirmed [GK]."""
_WINDOWS_NAMES: Final = {"trustedhosts": "trusted_hosts", "allowunencrypted": "allow_unencrypted"}


def _parts(path: str) -> list[str]:
    """Names below the computer; "
    "the computer itself is the first part of the path.  Raises PSError for another one."""
    rest = path.partition(":")[2].lstrip(":").replace("/", "\\").strip("\\")
    parts = [part for part in rest.split("\\") if part]
    if parts and parts[0].lower() != "localhost":
        raise limitation(f"the WinRM settings of '{parts[0]}' are not simulated; every node answers about itself")
    return parts[1:]


def _walk(parts: list[str]) -> tuple[list[str], str | Tree] | None:
    """The element at a path, with its names as Windows writes them."""
    here: str | Tree = DEFAULTS
    names: list[str] = []
    for part in parts:
        if not isinstance(here, dict):
            return None
        name = next((one for one in here if one.lower() == part.lower()), None)
        if name is None:
            return None
        names.append(name)
        here = here[name]
    return names, here


def _place(names: list[str]) -> tuple[str, str]:
    """Key and name of a setting in the registry."""
    *above, name = names
    if above and above[-1] == "Auth":
        return "\\".join([_KEY, *above[:-1]]), f"auth_{name.lower()}"
    return "\\".join([_KEY, *above]), _WINDOWS_NAMES.get(name.lower(), name)


def setting(call: Call, names: list[str], default: str) -> str:
    """The value in force."""
    key, name = _place(names)
    found = call.host.node.registry.keys.get(key.lower())
    kept = found.values.get(name.lower()) if found is not None else None
    if kept is None:
        return default
    data = to_text(kept[1].data)
    return {"1": "true", "0": "false"}.get(data, data) if default in ("true", "false") else data


def change(call: Call, names: list[str], value: str) -> None:
    """Keep a value: truths as numbers, all else as text."""
    key, name = _place(names)
    low = value.lower()
    data = make_value(int(low == "true"), "DWord") if low in ("true", "false") else make_value(value, "String")
    call.host.node.registry.put(key, name, data)


def _element(call: Call, names: list[str], content: str | Tree) -> PSObject:
    where = "\\".join(["localhost", *names[:-1]])
    leaf = not isinstance(content, dict)
    return ELEMENT.make(
        f"{_PROVIDER}::{where}\\{names[-1]}",
        f"{_PROVIDER}::{where}",
        names[-1],
        not leaf,
        "System.String" if leaf else "Container",
        names[-1],
        "" if leaf else None,
        setting(call, names, content) if not isinstance(content, dict) else None,
        text=ELEMENT.type_name,
    )


def _missing(call: Call, path: str) -> Iterator[object]:
    text = f"Cannot find path '{path}' because it does not exist."
    kind = "System.Management.Automation.ItemNotFoundException"
    call.write_error(text, "PathNotFound", "ObjectNotFound", path, kind)
    yield from ()


def _get_item(call: Call, path: str) -> Iterator[object]:
    found = _walk(_parts(path))
    if found is None:
        yield from _missing(call, path)
    elif found[0]:
        yield _element(call, *found)
    else:
        yield ELEMENT.make(_PROVIDER, "", "localhost", True, "Container", "localhost", None, None)


def _get_children(call: Call, path: str) -> Iterator[object]:
    found = _walk(_parts(path))
    if found is None:
        yield from _missing(call, path)
    elif not isinstance(found[1], dict):
        yield _element(call, *found)
    else:
        for name, content in found[1].items():
            yield _element(call, [*found[0], name], content)


def _test(_call: Call, path: str) -> Iterator[object]:
    yield _walk(_parts(path)) is not None


def _set_item(call: Call, path: str) -> Iterator[object]:
    names, default = _walk(_parts(path)) or ([], {})
    if isinstance(default, dict):
        yield from _missing(call, path)
        return
    value = to_text(call.get("Value"))
    if call.switch("Concatenate"):
        before = setting(call, names, default)
        value = ",".join(filter(None, [before, value]))
    if not call.should_process(path, "Set Item"):
        return
    if names[-1] in _ASKED and not call.switch("Force"):  # a console would ask
        raise call.fail(NOBODY, "InvalidOperation", "InvalidOperation", None, _INVALID)
    change(call, names, value)


PROVIDER_ACTS["wsman"] = {
    "Get-Item": _get_item,
    "Get-ChildItem": _get_children,
    "Test-Path": _test,
    "Set-Item": _set_item,
}


# --- CredSSP

_ROLE: Final = Parameter("Role", "string", position=0, mandatory=True, values=("Client", "Server"))


def _auth(call: Call, side: str) -> PSObject:
    """The settings of authentication, as the cmdlet shows them."""
    tree = DEFAULTS[side]
    auth = tree["Auth"] if isinstance(tree, dict) else {}
    schema = f"http://schemas.microsoft.com/wbem/wsman/1/config/{side.lower()}/auth"
    values: dict[str, object] = {"cfg": schema, "lang": "en-US"}
    for name, default in auth.items() if isinstance(auth, dict) else ():
        if isinstance(default, str):
            values[name] = setting(call, [side, "Auth", name], default)
    return PSObject.of_type((f"System.Xml.XmlElement#{schema}#Auth", "System.Xml.XmlElement", "System.Object"), values)


def _targets(call: Call) -> list[str]:
    found = call.host.node.registry.keys.get(_FRESH.lower())
    return [] if found is None else [to_text(value.data) for _, value in found.values.values()]


@WSMAN_CONFIG.cmdlet(
    "Enable-WSManCredSSP",
    _ROLE,
    Parameter("DelegateComputer", "string[]", position=1),
    Parameter("Force", "switch"),
)
def enable_credssp(call: Call) -> Iterator[object]:
    """Lets a client hand credentials on to machines, or a server take them."""
    client = call.text("Role").lower() == "client"
    if client != call.has("DelegateComputer"):
        text = "The DelegateComputer parameter is required with the Client role, and not allowed with the Server role."
        raise call.fail(text, "CredSSPRoleAndDelegateCannotBeSpecified", "InvalidOperation", None, _INVALID)
    if not call.switch("Force"):  # a console would ask
        raise call.fail(NOBODY, "InvalidOperation", "InvalidOperation", None, _INVALID)
    side = "Client" if client else "Service"
    change(call, [side, "Auth", "CredSSP"], "true")
    known = _targets(call)
    for name in call.texts("DelegateComputer"):
        if f"wsman/{name}" not in known:
            known.append(f"wsman/{name}")
            call.host.node.registry.put(_FRESH, str(len(known)), make_value(known[-1], "String"))
    yield _auth(call, side)


@WSMAN_CONFIG.cmdlet("Disable-WSManCredSSP", _ROLE)
def disable_credssp(call: Call) -> None:
    """Takes that back."""
    client = call.text("Role").lower() == "client"
    change(call, ["Client" if client else "Service", "Auth", "CredSSP"], "false")
    if client:
        call.host.node.registry.drop(_FRESH)


@WSMAN_CONFIG.cmdlet("Get-WSManCredSSP")
def get_credssp(call: Call) -> Iterator[object]:
    """Two sentences about client and server."""
    targets = _targets(call) if setting(call, ["Client", "Auth", "CredSSP"], "false") == "true" else []
    if targets:
        shown = ",".join(targets)
        yield f"The machine is configured to allow delegating fresh credentials to the following target(s): {shown}"
    else:
        yield "The machine is not configured to allow delegating fresh credentials."
    taken = "" if setting(call, ["Service", "Auth", "CredSSP"], "true") == "true" else "not "
    yield f"This computer is {taken}configured to receive credentials from a remote client computer."


@WSMAN_CONFIG.cmdlet(
    "Enable-PSRemoting",
    Parameter("Force", "switch"),
    Parameter("SkipNetworkProfileCheck", "switch"),
    should_process=True,
)
def enable_remoting(call: Call) -> Iterator[object]:
    """WinRM is set up on every node."""
    if call.should_process(str(call.host.computer_name), "Enable-PSRemoting"):
        yield "WinRM is already set up to receive requests on this computer."
        yield "WinRM is already set up for remote management on this computer."


def register_wsman_config_views() -> None:
    """Tell the formatter how settings look."""
    register_view(
        ELEMENT.type_name,
        table=[
            Column("Type", width=15),
            Column("Name", width=30),
            Column("SourceOfValue", width=15),
            Column("Value"),
        ],
        auto=False,
    )
