"""``[securestring]``, ``[pscredential]`` and what reads them.

A secret is kept in the clear in this process; protected texts only look like those of Windows.
"""

from __future__ import annotations

from typing import Final

from harness.twin.shell.clixml import SECRETS
from harness.twin.shell.clixmlreader import EXTRA_READERS, REBUILT
from harness.twin.shell.conversion import caster, no_cast
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, Char, PSObject
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typesystem import TypeRef, is_null, register_type, register_value_type

SECURE: Final = "System.Security.SecureString"
CREDENTIAL: Final = "System.Management.Automation.PSCredential"
_NETWORK: Final = "System.Net.NetworkCredential"
_MARSHAL: Final = "System.Runtime.InteropServices.Marshal"
for _name in (_NETWORK, "System.Runtime.InteropServices.Marshal"):
    register_type(_name)


class SecureString:
    """A text that is not shown."""

    __slots__ = ("fixed", "text")

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.fixed = False

    def append(self, letter: str) -> object:
        """One more character; not after ``MakeReadOnly``."""
        if self.fixed:
            raise net_error("System.InvalidOperationException", "Instance is read-only.")
        self.text += letter
        return NOTHING

    def fix(self) -> object:
        """``MakeReadOnly``."""
        self.fixed = True
        return NOTHING

    def clear(self) -> object:
        """``Clear``."""
        self.text = ""
        return NOTHING


def protected(value: SecureString) -> str:
    """A secret as hexadecimal text."""
    return value.text.encode("utf-16-le", "surrogatepass").hex()


def revealed(text: str) -> SecureString:
    """The secret of a hexadecimal text. Raises ``ValueError``."""
    return SecureString(bytes.fromhex(text).decode("utf-16-le", "surrogatepass"))


register_value_type(SecureString, SECURE)
prop(SecureString, "Length", lambda this: len(this.text))
method(SecureString, "AppendChar", "char c")(lambda this, letter: this.append(letter))
method(SecureString, "MakeReadOnly")(lambda this: this.fix())
method(SecureString, "IsReadOnly")(lambda this: this.fixed)
method(SecureString, "Copy")(lambda this: SecureString(this.text))
method(SecureString, "Clear")(lambda this: this.clear())
method(SecureString, "Dispose")(lambda _this: NOTHING)
constructor(SECURE, "")(SecureString)
SECRETS[SecureString] = protected
EXTRA_READERS["SS"] = revealed


class Credential:
    """A user's name and password."""

    __slots__ = ("password", "user")

    def __init__(self, user: str, password: SecureString) -> None:
        if not user:
            text = 'Cannot process argument because the value of argument "userName" is not valid.'
            raise net_error("System.Management.Automation.PSArgumentException", text)
        self.user = user
        self.password = password


class NetworkCredential:
    """The parts of a credential, in the clear."""

    __slots__ = ("domain", "password", "user")

    def __init__(self, user: str = "", password: object = "", domain: str = "") -> None:
        self.user = user
        self.password = password.text if isinstance(password, SecureString) else to_text(password)
        self.domain = domain


def network_credential(this: Credential) -> NetworkCredential:
    """``GetNetworkCredential``: ``DOMAIN\\user`` is split, ``user@domain`` is not."""
    domain, mark, user = this.user.partition("\\")
    return NetworkCredential(user, this.password, domain) if mark else NetworkCredential(this.user, this.password)


register_value_type(Credential, CREDENTIAL)
register_value_type(NetworkCredential, _NETWORK)
prop(Credential, "UserName", lambda this: this.user)
prop(Credential, "Password", lambda this: this.password)
method(Credential, "GetNetworkCredential")(network_credential)
constructor(CREDENTIAL, "string userName, securestring password")(Credential)
static_prop(CREDENTIAL, "Empty", lambda: None)
prop(NetworkCredential, "UserName", lambda this: this.user)
prop(NetworkCredential, "Password", lambda this: this.password)
prop(NetworkCredential, "SecurePassword", lambda this: SecureString(this.password))
prop(NetworkCredential, "Domain", lambda this: this.domain)
constructor(_NETWORK, "", "string userName, object password", "string userName, object password, string domain")(
    NetworkCredential
)


@caster(CREDENTIAL)
def to_credential(value: object, target: TypeRef) -> object:
    """A credential stays one; nobody is here to be asked for a password."""
    if is_null(value) or isinstance(value, Credential):
        return None if is_null(value) else value
    raise no_cast(value, target)


def _rebuilt(made: PSObject) -> object:
    password = made.get("Password")
    if not isinstance(password, SecureString):
        raise ValueError("no password")
    return Credential(to_text(made.get("UserName")), password)


REBUILT[CREDENTIAL.lower()] = _rebuilt


class Pointer:
    """An ``IntPtr`` to a text outside."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


register_value_type(Pointer, "System.IntPtr", ("System.IntPtr", "System.ValueType", "System.Object"))
register_text(Pointer, lambda value: str(id(value)))
for _name in ("SecureStringToBSTR", "SecureStringToGlobalAllocUnicode", "SecureStringToCoTaskMemUnicode"):
    static(_MARSHAL, _name, "securestring s")(lambda value: Pointer(value.text))
for _name in ("PtrToStringAuto", "PtrToStringBSTR", "PtrToStringUni"):
    static(_MARSHAL, _name, "object ptr")(lambda value: value.text if isinstance(value, Pointer) else None)
for _name in ("ZeroFreeBSTR", "ZeroFreeGlobalAllocUnicode", "FreeBSTR", "ZeroFreeCoTaskMemUnicode"):
    static(_MARSHAL, _name, "object s")(lambda _value: NOTHING)

__all__ = ["Char", "Credential", "SecureString", "protected", "revealed"]
