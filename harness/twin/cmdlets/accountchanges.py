"""Changing local accounts and the group of administrators ([D] PSD 5.1 LocalAccounts; texts [GK]).

A password is taken and not kept: nothing here logs on with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.accounts import (
    ACCOUNTS,
    BUILT_IN,
    administrators_of,
    not_found,
    user_object,
    users_of,
)
from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.model.nodekept import LocalUser, NodeKept
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_COMMANDS: Final = "Microsoft.PowerShell.Commands"
_WHICH: Final = (
    Parameter("Name", "string[]", position=0, pipeline=("value", "name")),
    Parameter("InputObject", "object", pipeline="value"),
)
_TEXTS: Final = (Parameter("Description", "string"), Parameter("FullName", "string"))
_EXPIRY: Final = (
    Parameter("AccountExpires", "datetime"),
    Parameter("AccountNeverExpires", "switch"),
)
_GROUP: Final = "administrators"


def _chosen(call: Call) -> Iterator[LocalUser]:
    """The accounts that are named; one that does not exist is an error."""
    came = given_input(call)
    names = call.texts("Name") or ([] if came is None else [str(property_of(came, "Name") or came)])
    for name in names:
        user = next((item for item in users_of(call.host) if item.name.lower() == name.lower()), None)
        if user is None:
            call.write_error(not_found(call, name))
        elif call.should_process(user.name):
            yield user


def _keep(call: Call, user: LocalUser) -> None:
    call.host.node.kept.users[user.name.lower()] = user


@ACCOUNTS.cmdlet(
    "New-LocalUser",
    Parameter("Name", "string", position=0, mandatory=True, pipeline=("value", "name")),
    Parameter("Password", "securestring", sets=("Password",)),
    Parameter("NoPassword", "switch", sets=("NoPassword",)),
    Parameter("PasswordNeverExpires", "switch"),
    Parameter("UserMayNotChangePassword", "switch"),
    Parameter("Disabled", "switch"),
    *_TEXTS,
    *_EXPIRY,
    default_set="Password",
    should_process=True,
)
def new_user(call: Call) -> Iterator[object]:
    """Makes an account; one of that name must not exist."""
    name = call.text("Name")
    if any(item.name.lower() == name.lower() for item in users_of(call.host)):
        kind = f"{_COMMANDS}.UserExistsException"
        raise call.fail(f"User {name} already exists.", "UserExists", "ResourceExists", name, kind)
    if call.should_process(name):
        made = LocalUser(
            name,
            not call.switch("Disabled"),
            call.text("FullName"),
            call.text("Description"),
            call.host.model.now_ns if call.has("Password") else None,
            not call.switch("PasswordNeverExpires"),
        )
        _keep(call, made)
        yield user_object(call.host, made)


@ACCOUNTS.cmdlet(
    "Set-LocalUser",
    *_WHICH,
    Parameter("Password", "securestring"),
    Parameter("PasswordNeverExpires", "bool"),
    Parameter("UserMayChangePassword", "bool"),
    *_TEXTS,
    *_EXPIRY,
    should_process=True,
)
def set_user(call: Call) -> None:
    """Sets what is given of an account."""
    for user in _chosen(call):
        if call.has("Password"):
            user.password_set_ns = call.host.model.now_ns
        if call.has("PasswordNeverExpires"):
            user.password_expires = not call.switch("PasswordNeverExpires")
        user.full_name = call.text("FullName", user.full_name)
        user.description = call.text("Description", user.description)
        _keep(call, user)


@ACCOUNTS.cmdlet("Enable-LocalUser", *_WHICH, should_process=True)
def enable_user(call: Call) -> None:
    """Accounts that can log on again."""
    _switch(call, on=True)


@ACCOUNTS.cmdlet("Disable-LocalUser", *_WHICH, should_process=True)
def disable_user(call: Call) -> None:
    """Accounts that cannot log on."""
    _switch(call, on=False)


def _switch(call: Call, *, on: bool) -> None:
    for user in _chosen(call):
        user.enabled = on
        _keep(call, user)


@ACCOUNTS.cmdlet("Remove-LocalUser", *_WHICH, should_process=True)
def remove_user(call: Call) -> None:
    """Removes accounts that were made here; what becomes of a service without its account is not modelled."""
    kept: NodeKept = call.host.node.kept
    for user in _chosen(call):
        if user.name in BUILT_IN:
            raise limitation(f"removing the account '{user.name}' is not simulated")
        del kept.users[user.name.lower()]


_MEMBERS: Final = (
    Parameter("Group", "string", position=0, mandatory=True, aliases=("Name",)),
    Parameter("Member", "string[]", position=1, mandatory=True, pipeline="value"),
)


def _require_group(call: Call) -> NodeKept:
    if call.text("Group").lower() != _GROUP:
        raise limitation("of the local groups only 'Administrators' is simulated")
    kept: NodeKept = call.host.node.kept
    return kept


def _full_name(call: Call, name: str) -> str:
    """``MACHINE\\name`` for a local account, else the name with its domain.  Raises PSError for nobody's name."""
    if any(user.name.lower() == name.lower() for user in users_of(call.host)):
        return f"{call.host.computer_name}\\{name}"
    domain = call.host.environment.get("USERDOMAIN", "")
    if "\\" in name and name.partition("\\")[0].lower() in (domain.lower(), str(call.host.computer_name).lower()):
        return name
    kind = f"{_COMMANDS}.PrincipalNotFoundException"
    raise call.fail(f"Principal {name} was not found.", "PrincipalNotFound", "ObjectNotFound", name, kind)


@ACCOUNTS.cmdlet("Add-LocalGroupMember", *_MEMBERS, should_process=True)
def add_member(call: Call) -> None:
    """Adds administrators; one who is a member already is an error."""
    kept = _require_group(call)
    for given in call.texts("Member"):
        name = _full_name(call, given)
        if any(shown.lower() == name.lower() for shown, _, _ in administrators_of(call.host)):
            text = f"{name} is already a member of group Administrators."
            call.write_error(text, "MemberExists", "ResourceExists", name, f"{_COMMANDS}.MemberExistsException")
        elif call.should_process(name):
            kept.removed_administrators.discard(name.lower())
            kept.administrators[name.lower()] = name


@ACCOUNTS.cmdlet("Remove-LocalGroupMember", *_MEMBERS, should_process=True)
def remove_member(call: Call) -> None:
    """Takes administrators out of the group; one who is no member is an error."""
    kept = _require_group(call)
    for given in call.texts("Member"):
        name = _full_name(call, given)
        if not any(shown.lower() == name.lower() for shown, _, _ in administrators_of(call.host)):
            text = f"Member {name} was not found in group Administrators."
            call.write_error(text, "MemberNotFound", "ObjectNotFound", name, f"{_COMMANDS}.MemberNotFoundException")
        elif call.should_process(name) and kept.administrators.pop(name.lower(), None) is None:
            kept.removed_administrators.add(name.lower())
