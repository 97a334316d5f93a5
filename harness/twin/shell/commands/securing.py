"""``ConvertTo-SecureString``, ``ConvertFrom-SecureString``, ``Get-Credential``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE
from harness.twin.shell.dotnet.credentials import Credential, SecureString, protected, revealed

_SECURITY: Final = "Microsoft.PowerShell.Security"
_HEADER: Final = "01000000d08c9ddf0115d1118c7a00c04fc297eb"
"""How texts protected by Windows begin; what follows is the secret in the clear here."""


@CORE.cmdlet(
    "ConvertTo-SecureString",
    module=_SECURITY,
    default_set="Secure",
    parameters=[
        Parameter("String", "string", position=0, mandatory=True, pipeline="value"),
        Parameter("SecureKey", "securestring", position=1, sets=("Secure",)),
        Parameter("AsPlainText", "switch", sets=("PlainText",)),
        Parameter("Force", "switch", sets=("PlainText",)),
        Parameter("Key", "byte[]", sets=("Open",)),
    ],
)
def convert_to_secure(call: Call) -> Iterable[object]:
    """A secret of plain or of protected text."""
    text = call.text("String")
    if call.switch("AsPlainText"):
        if not call.switch("Force"):
            raise call.fail(
                "The system cannot protect plain text input. To suppress this warning and convert the plain text to a "
                "SecureString, reissue the command specifying the Force parameter. For more information, type: "
                "get-help ConvertTo-SecureString.",
                "ImportSecureString_ForceRequired",
                "InvalidArgument",
                exception="System.Management.Automation.PSArgumentException",
            )
        yield SecureString(text)
        return
    try:
        yield revealed(text.removeprefix(_HEADER))
    except ValueError:
        call.write_error(
            "Input string was not in a correct format.",
            "ImportSecureString_InvalidArgument",
            "InvalidArgument",
            None,
            "System.Management.Automation.PSArgumentException",
        )


@CORE.cmdlet(
    "ConvertFrom-SecureString",
    module=_SECURITY,
    parameters=[
        Parameter("SecureString", "securestring", position=0, mandatory=True, pipeline="value"),
        Parameter("SecureKey", "securestring", position=1),
        Parameter("Key", "byte[]"),
    ],
)
def convert_from_secure(call: Call) -> Iterable[object]:
    """A secret as protected text."""
    value = call.get("SecureString")
    if isinstance(value, SecureString):
        yield f"{_HEADER}{protected(value)}"


@CORE.cmdlet(
    "Get-Credential",
    module=_SECURITY,
    parameters=[
        Parameter("Credential", "object", position=0),
        Parameter("Message", "string"),
        Parameter("UserName", "string"),
    ],
)
def get_credential(call: Call) -> Iterable[object]:
    """A credential that is given comes back; nobody is here to be asked for one."""
    given = call.get("Credential")
    if not isinstance(given, Credential):
        raise call.fail(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            "System.InvalidOperationException",
            "InvalidOperation",
            exception="System.Management.Automation.PSInvalidOperationException",
        )
    yield given
