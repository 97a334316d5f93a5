"""``[Security.Principal.…]``: who runs the session, and what the account may do ([D] .NET Framework reference).

Whoever logs on to a machine of the lab from outside is its administrator; groups beyond the built-in ones are not
modelled.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from harness.twin.shell.conversion import caster, no_cast
from harness.twin.shell.dotnet.registry import constructor, method, prop, static
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, EnumType, PSEnum
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typesystem import TypeRef, is_null, register_enum, register_type, register_value_type

_PRINCIPAL: Final = "System.Security.Principal."
IDENTITY: Final = f"{_PRINCIPAL}WindowsIdentity"
PRINCIPAL: Final = f"{_PRINCIPAL}WindowsPrincipal"
SID: Final = f"{_PRINCIPAL}SecurityIdentifier"
ACCOUNT: Final = f"{_PRINCIPAL}NTAccount"
ROLES: Final = register_enum(
    EnumType(
        f"{_PRINCIPAL}WindowsBuiltInRole",
        {
            "Administrator": 544,
            "User": 545,
            "Guest": 546,
            "PowerUser": 547,
            "AccountOperator": 548,
            "SystemOperator": 549,
            "PrintOperator": 550,
            "BackupOperator": 551,
            "Replicator": 552,
        },
    )
)
"""Labels with the relative identifiers of the built-in groups."""
_HELD: Final = frozenset({544, 545})
WELL_KNOWN: Final = {
    "everyone": "S-1-1-0",
    "nt authority\\system": "S-1-5-18",
    "nt authority\\local service": "S-1-5-19",
    "nt authority\\network service": "S-1-5-20",
    "nt authority\\authenticated users": "S-1-5-11",
    "builtin\\administrators": "S-1-5-32-544",
    "builtin\\users": "S-1-5-32-545",
    "builtin\\guests": "S-1-5-32-546",
}
"""[D] Well-known security identifiers of Windows."""
_NAMES: Final = {
    "S-1-1-0": "Everyone",
    "S-1-5-18": "NT AUTHORITY\\SYSTEM",
    "S-1-5-19": "NT AUTHORITY\\LOCAL SERVICE",
    "S-1-5-20": "NT AUTHORITY\\NETWORK SERVICE",
    "S-1-5-11": "NT AUTHORITY\\Authenticated Users",
    "S-1-5-32-544": "BUILTIN\\Administrators",
    "S-1-5-32-545": "BUILTIN\\Users",
    "S-1-5-32-546": "BUILTIN\\Guests",
}
_UNMAPPED: Final = "Some or all identity references could not be translated."


class SecurityIdentifier:
    """A security identifier."""

    __slots__ = ("value",)

    def __init__(self, text: str) -> None:
        if not re.fullmatch(r"[Ss]-1(-\d+){2,15}", text):
            raise net_error("System.ArgumentException", "Value was invalid.\r\nParameter name: sddlForm")
        self.value = text.upper()


class Account:
    """A name of a user or a group."""

    __slots__ = ("value",)

    def __init__(self, *parts: str) -> None:
        if not parts[0]:
            raise net_error("System.ArgumentException", "Value cannot be an empty string.\r\nParameter name: name")
        self.value = "\\".join(parts)


class Identity:
    """The log-on of the session."""

    __slots__ = ("name",)

    def __init__(self) -> None:
        rs = current()
        domain = rs.environment.get("USERDOMAIN", rs.host.computer_name)
        self.name = f"{domain}\\{rs.environment.get('USERNAME', 'SYSTEM')}"


class Principal:
    """A log-on with its groups."""

    __slots__ = ("identity",)

    def __init__(self, identity: Identity) -> None:
        self.identity = identity


def sid_of(name: str) -> str:
    """The identifier of an account.

    A number follows from domain and name: it is always the same, and no real one [INF].
    """
    plain = name.lower().removeprefix(".\\")
    known = WELL_KNOWN.get(plain) or WELL_KNOWN.get(f"nt authority\\{plain}") or WELL_KNOWN.get(f"builtin\\{plain}")
    if known is not None:
        return known
    domain, _, user = plain.rpartition("\\")
    data = hashlib.sha256(domain.encode()).digest()
    parts = "-".join(str(int.from_bytes(data[at : at + 4], "big")) for at in (0, 4, 8))
    number = (
        500 if user == "administrator" else 1000 + int.from_bytes(hashlib.sha256(user.encode()).digest()[:2], "big")
    )
    return f"S-1-5-21-{parts}-{number}"


def _translated(this: SecurityIdentifier | Account, target: TypeRef) -> object:
    """``Translate``: from name to identifier, and back where the identifier is a known one."""
    if isinstance(this, Account):
        return SecurityIdentifier(sid_of(this.value)) if target.full_name == SID else this
    if target.full_name == SID:
        return this
    user = Identity().name
    name = user if sid_of(user) == this.value else _NAMES.get(this.value)
    if name is None:
        raise net_error(f"{_PRINCIPAL}IdentityNotMappedException", _UNMAPPED)
    return Account(name)


def in_role(_this: Principal, role: object) -> bool:
    """``IsInRole``: administrators and users; a role is a label, a number, a name or an identifier."""
    if isinstance(role, PSEnum | int):
        return int(role.value if isinstance(role, PSEnum) else role) in _HELD
    text = role.value if isinstance(role, SecurityIdentifier) else sid_of(to_text(role))
    return text in ("S-1-5-32-544", "S-1-5-32-545", "S-1-1-0", "S-1-5-11")


for _name in (SID, ACCOUNT, f"{_PRINCIPAL}IdentityReference"):
    register_type(_name)
_BASES: Final = (f"{_PRINCIPAL}IdentityReference", "System.Object")
register_value_type(SecurityIdentifier, SID, (SID, *_BASES))
register_value_type(Account, ACCOUNT, (ACCOUNT, *_BASES))
register_value_type(Identity, IDENTITY, (IDENTITY, "System.Security.Claims.ClaimsIdentity", "System.Object"))
register_value_type(Principal, PRINCIPAL, (PRINCIPAL, "System.Security.Claims.ClaimsPrincipal", "System.Object"))
register_text(SecurityIdentifier, lambda value: value.value if isinstance(value, SecurityIdentifier) else "")
register_text(Account, lambda value: value.value if isinstance(value, Account) else "")
constructor(SID, "string sddlForm")(SecurityIdentifier)
constructor(ACCOUNT, "string name", "string domainName, string accountName")(Account)
constructor(PRINCIPAL, "object ntIdentity")(Principal)
for _class in (SecurityIdentifier, Account):
    prop(_class, "Value", lambda this: this.value)
    method(_class, "Translate", "type targetType")(_translated)
static(IDENTITY, "GetCurrent", "", "bool ifImpersonating")(lambda _if=False: Identity())
prop(Identity, "AuthenticationType", lambda _: "NTLM")
prop(Identity, "IsAuthenticated", lambda _: True)
prop(Identity, "IsGuest", lambda _: False)
prop(Identity, "IsSystem", lambda this: this.name.upper().endswith("\\SYSTEM"))
prop(Identity, "IsAnonymous", lambda _: False)
prop(Identity, "Name", lambda this: this.name)
prop(Identity, "User", lambda this: SecurityIdentifier(sid_of(this.name)))
prop(Identity, "Owner", lambda _: SecurityIdentifier("S-1-5-32-544"))
method(Identity, "Dispose")(lambda _: NOTHING)
prop(Principal, "Identity", lambda this: this.identity)
method(Principal, "IsInRole", "object role")(in_role)


@caster(PRINCIPAL)
def to_principal(value: object, target: TypeRef) -> object:
    """``[WindowsPrincipal]`` of a log-on."""
    if is_null(value) or isinstance(value, Principal):
        return None if is_null(value) else value
    if isinstance(value, Identity):
        return Principal(value)
    raise no_cast(value, target)


@caster(SID)
def to_sid(value: object, target: TypeRef) -> object:
    """``[SecurityIdentifier]`` of a text."""
    if is_null(value) or isinstance(value, SecurityIdentifier):
        return None if is_null(value) else value
    if isinstance(value, str):
        return SecurityIdentifier(value)
    raise no_cast(value, target)


@caster(ACCOUNT)
def to_account(value: object, target: TypeRef) -> object:
    """``[NTAccount]`` of a text."""
    if is_null(value) or isinstance(value, Account):
        return None if is_null(value) else value
    if isinstance(value, str):
        return Account(value)
    raise no_cast(value, target)
