"""Firewall rules that guides name ([D] WPD NetSecurity; rules ``fixtures/catalogs/network.yaml``).

The echo rules decide whether a node answers a ping.  A real node has hundreds of rules: those are not simulated, and
asking for one by name says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.network.cim import SECURITY, changed, generated_enum, network, not_found, shape
from harness.twin.model.network import FirewallRule
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSEnum, PSObject
from harness.twin.shell.regexes import has_wildcard

RULE: Final = shape(
    "MSFT_NetFirewallRule",
    "Name ID DisplayName Description Group DisplayGroup Enabled Profile Platform Direction Action EdgeTraversalPolicy "
    "PolicyStoreSource PrimaryStatus Status",
)
_ENABLED: Final = generated_enum("NetSecurity.Enabled", {"True": 1, "False": 2})
_DIRECTION: Final = generated_enum("NetSecurity.Direction", {"Inbound": 1, "Outbound": 2})
_ACTION: Final = generated_enum("NetSecurity.Action", {"NotConfigured": 0, "Allow": 2, "Block": 4})
_WINRM: Final = "winrm-"

WHICH: Final = (
    Parameter("Name", "string[]", position=0, pipeline="name", aliases=("ID",)),
    Parameter("DisplayName", "string[]"),
    Parameter("DisplayGroup", "string[]"),
    Parameter("Group", "string[]"),
    Parameter("All", "switch"),
    Parameter("Direction", "string"),
    Parameter("Action", "string"),
    Parameter("Enabled", "string"),
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
)


@SECURITY.cmdlet("Get-NetFirewallRule", *WHICH[:-2])
def get_rule(call: Call) -> Iterator[object]:
    """The rules that are simulated, when they are asked for by name or group; a list of all would not be true."""
    for rule in chosen_rules(call):
        yield make_rule(rule)


@SECURITY.cmdlet("Enable-NetFirewallRule", *WHICH, should_process=True)
def enable_rule(call: Call) -> Iterator[object]:
    """Enables rules."""
    yield from _switch(call, enabled=True)


@SECURITY.cmdlet("Disable-NetFirewallRule", *WHICH, should_process=True)
def disable_rule(call: Call) -> Iterator[object]:
    """Disables rules; not those of WinRM, by which one has come."""
    yield from _switch(call, enabled=False)


def _switch(call: Call, *, enabled: bool) -> Iterator[object]:
    for rule in chosen_rules(call):
        if not enabled:
            require_winrm(rule)
        if call.should_process(rule.display_name, call.declaration.name):
            rule.enabled = enabled
            changed(call)
            if call.switch("PassThru"):
                yield make_rule(rule)


def require_winrm(rule: FirewallRule) -> None:
    """Raises PSError for a rule of WinRM, by which one has come."""
    if rule.name.lower().startswith(_WINRM):
        raise limitation("what a node does without its firewall rules for WinRM is not simulated")


def chosen_rules(call: Call) -> list[FirewallRule]:
    """Rules by name, display name or group.  Raises PSError for what the simulation cannot know."""
    rules = network(call).rules
    came = given_input(call)
    names = call.texts("Name")
    if came is not None and not names:
        names = [str(property_of(item, "Name")) for item in (came if isinstance(came, list) else [came])]
    asked = [
        (names, [rule.name for rule in rules]),
        (call.texts("DisplayName"), [rule.display_name for rule in rules]),
        (call.texts("DisplayGroup"), [rule.group for rule in rules]),
    ]
    if call.has("Group") or not any(wanted for wanted, _ in asked):
        raise limitation("firewall rules are simulated by -Name, -DisplayName or -DisplayGroup; there are only a few")
    for wanted, known in asked:
        for value in wanted:
            if value.lower() in network(call).gone_rules:
                not_found(call, "MSFT_NetFirewallRule", "InstanceID", value)
            elif not any(selects([value], item) for item in known):
                what = "rules like" if has_wildcard(value) else "the rule or group"
                raise limitation(f"{what} '{value}' of the firewall: not simulated")
    found = [rule for rule, *texts in zip(rules, *(known for _, known in asked), strict=True) if _fits(asked, texts)]
    return [rule for rule in found if _state_fits(call, rule)]


def _fits(asked: list[tuple[list[str], list[str]]], texts: list[str]) -> bool:
    return all(selects(wanted, text) for (wanted, _), text in zip(asked, texts, strict=True))


def _state_fits(call: Call, rule: FirewallRule) -> bool:
    """Whether a rule fits ``-Enabled``, ``-Direction`` and ``-Action``, where those choose and do not set."""
    shown = {"Enabled": str(rule.enabled), "Direction": rule.direction, "Action": rule.action}
    if call.declaration.name.startswith("Set-"):
        return True
    return all(not call.has(name) or call.text(name).lower() == text.lower() for name, text in shown.items())


def make_rule(rule: FirewallRule) -> PSObject:
    """The shell's object of a rule."""
    return RULE.make(
        rule.name,
        rule.name,
        rule.display_name,
        rule.description or None,
        rule.group or None,
        rule.group or None,
        PSEnum(_ENABLED, 1 if rule.enabled else 2),
        rule.profile,
        [],
        PSEnum(_DIRECTION, _DIRECTION.labels[rule.direction]),
        PSEnum(_ACTION, _ACTION.labels[rule.action]),
        "Block",
        "Local",
        "OK",
        "The rule was parsed successfully from the store. (65536)",
        text=f'MSFT_NetFirewallRule (CreationClassName = "MSFT|FW|FirewallRule|{rule.name}", PolicyRuleName = "", '
        'SystemCreationClassName = "", SystemName = "")',
    )
