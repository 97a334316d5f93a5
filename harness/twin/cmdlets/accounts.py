"""Accounts of a node: ``Get-LocalUser``, ``Get-LocalGroup``, ``Get-LocalGroupMember`` ([D] PSD 5.1).

Built-in accounts [GK], and those of the orchestrator's services ([T] azure-local-updates 1.3); administrators are the
built-in one, the domain's administrators and the one account that the lab has ([D] azure-local-updates 1.4: it must be
local administrator of every machine).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.declaring import Module, classes, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.nodekept import LocalUser, NodeKept
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import ErrorRecord, limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

ACCOUNTS: Final = Module("Microsoft.PowerShell.LocalAccounts", classes("Microsoft.PowerShell.Commands.{}Command"))
_COMMANDS: Final = "Microsoft.PowerShell.Commands"
USER: Final = Shape(
    f"{_COMMANDS}.LocalUser",
    "Name FullName Enabled Description PasswordLastSet PasswordExpires PasswordRequired UserMayChangePassword "
    "LastLogon AccountExpires SID PrincipalSource ObjectClass",
)
GROUP: Final = Shape(f"{_COMMANDS}.LocalGroup", "Name Description PrincipalSource ObjectClass")
MEMBER: Final = Shape(f"{_COMMANDS}.LocalPrincipal", "Name PrincipalSource ObjectClass")
BUILT_IN: Final[Mapping[str, tuple[bool, str]]] = {
    "Administrator": (True, "Built-in account for administering the computer/domain"),
    "DefaultAccount": (False, "A user account managed by the system."),
    "ECEAgentService": (True, ""),
    "Guest": (False, "Built-in account for guest access to the computer/domain"),
    "HCIOrchestrator": (True, ""),
    "WDAGUtilityAccount": (
        False,
        "A user account managed and used by the system for Windows Defender Application Guard scenarios.",
    ),
}
"""Accounts of every node: whether they are enabled, and their description."""
_KNOWN_IDS: Final = {"Administrator": 500, "Guest": 501, "DefaultAccount": 503, "WDAGUtilityAccount": 504}
"""[D] Well-known relative identifiers."""
_GROUP: Final = "Administrators"
_WHAT: Final = "Administrators have complete and unrestricted access to the computer/domain"


def register_account_views() -> None:
    """Tell the formatter how accounts look."""
    register_view(USER.type_name, table=["Name", "Enabled", "Description"])
    register_view(GROUP.type_name, table=["Name", "Description"])
    register_view(MEMBER.type_name, table=["ObjectClass", "Name", "PrincipalSource"])


def users_of(host: Any) -> list[LocalUser]:
    """The accounts of this node, by name."""
    kept: NodeKept = host.node.kept
    found = {name.lower(): LocalUser(name, on, description=text) for name, (on, text) in BUILT_IN.items()}
    found |= kept.users
    return [found[low] for low in sorted(found)]


def user_object(host: Any, user: LocalUser) -> PSObject:
    """A ``LocalUser``; when the passwords of deployment were set is not known."""
    changed = None if user.password_set_ns is None else local_time(host, user.password_set_ns)
    return USER.make(
        user.name,
        user.full_name,
        user.enabled,
        user.description,
        changed,
        None,
        True,
        True,
        None,
        None,
        _sid(host, user.name),
        "Local",
        "User",
        text=user.name,
    )


def _sid(host: Any, name: str) -> PSObject:
    """The account's identifier: those of Windows end with their known numbers, the machine's part is made here."""
    machine = uuid5(NAMESPACE_DNS, str(host.computer_name)).int
    parts = [str(machine >> shift & 0xFFFFFFFF) for shift in (0, 32, 64)]
    names = [user.name for user in users_of(host) if user.name not in _KNOWN_IDS]
    number = _KNOWN_IDS.get(name) or 1000 + names.index(name)
    text = f"S-1-5-21-{'-'.join(parts)}-{number}"
    kind = "System.Security.Principal.SecurityIdentifier"
    return PSObject.of_type(kind, {"BinaryLength": 28, "Value": text}, text=text)


def not_found(call: Call, name: str) -> ErrorRecord:
    """There is no such account."""
    kind = f"{_COMMANDS}.UserNotFoundException"
    return call.record(f"User {name} was not found.", "UserNotFound", "ObjectNotFound", name, kind)


@ACCOUNTS.cmdlet("Get-LocalUser", Parameter("Name", "string[]", position=0, pipeline=("value", "name")))
def get_user(call: Call) -> Iterator[object]:
    """Accounts of this node."""
    users = users_of(call.host)
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(user.name.lower() == name.lower() for user in users):
            call.write_error(not_found(call, name))
    for user in users:
        if selects(call.texts("Name"), user.name):
            yield user_object(call.host, user)


@ACCOUNTS.cmdlet("Get-LocalGroup", Parameter("Name", "string[]", position=0, pipeline=("value", "name")))
def get_group(call: Call) -> Iterator[object]:
    """The group of administrators; others are not simulated."""
    for name in call.texts("Name") or ["*"]:
        if name.lower() != _GROUP.lower():
            raise limitation(f"of the local groups only '{_GROUP}' is simulated")
        yield GROUP.make(_GROUP, _WHAT, "Local", "Group", text=_GROUP)


@ACCOUNTS.cmdlet(
    "Get-LocalGroupMember",
    Parameter("Group", "string", position=0, mandatory=True, aliases=("Name",)),
    Parameter("Member", "string", position=1),
)
def get_member(call: Call) -> Iterator[object]:
    """The administrators of this node."""
    if call.text("Group").lower() != _GROUP.lower():
        raise limitation(f"of the local groups only '{_GROUP}' is simulated")
    for name, source, kind in administrators_of(call.host):
        if not call.has("Member") or selects([call.text("Member")], name) or name.endswith(f"\\{call.text('Member')}"):
            yield MEMBER.make(name, source, kind, text=name)


def administrators_of(host: Any) -> Iterator[tuple[str, str, str]]:
    """Members of the administrators: name, source and class."""
    kept: NodeKept = host.node.kept
    for name, source, kind in _at_first(host):
        if name.lower() not in kept.removed_administrators:
            yield name, source, kind
    own = f"{host.computer_name}\\".lower()
    for low, name in sorted(kept.administrators.items()):
        yield name, "Local" if low.startswith(own) else "ActiveDirectory", "User"


def _at_first(host: Any) -> Iterator[tuple[str, str, str]]:
    yield f"{host.computer_name}\\Administrator", "Local", "User"
    user = user_of(host)
    domain = user.partition("\\")[0]
    if domain.lower() != str(host.computer_name).lower():
        yield f"{domain}\\Domain Admins", "ActiveDirectory", "Group"
        yield user, "ActiveDirectory", "User"


def user_of(host: Any) -> str:
    """``DOMAIN\\name`` of the process."""
    return f"{host.environment.get('USERDOMAIN', '')}\\{host.environment.get('USERNAME', '')}"
