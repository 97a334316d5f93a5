"""New, changed and removed firewall rules, and the firewall's profiles ([D] WPD NetSecurity; texts and defaults [GK]).

Rules that block decide who gets through: pings, and TCP connections by their port.  The cluster does not notice them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.network.cim import SECURITY, changed, generated_enum, network, shape, strings
from harness.twin.cmdlets.network.firewall import WHICH, chosen_rules, make_rule, require_winrm
from harness.twin.model.network import FirewallRule
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSEnum, UInt64

PROFILE: Final = shape(
    "MSFT_NetFirewallProfile",
    "Name Profile Enabled DefaultInboundAction DefaultOutboundAction AllowInboundRules AllowLocalFirewallRules "
    "AllowLocalIPsecRules AllowUserApps AllowUserPorts AllowUnicastResponseToMulticast NotifyOnListen "
    "EnableStealthModeForIPsec LogFileName LogMaxSizeKilobytes LogAllowed LogBlocked LogIgnored",
)
PORTS: Final = shape("MSFT_NetProtocolPortFilter", "Protocol LocalPort RemotePort IcmpType DynamicTarget InstanceID")
_GPO_BOOLEAN: Final = generated_enum("NetSecurity.GpoBoolean", {"False": 0, "True": 1, "NotConfigured": 2})
_ACTION: Final = generated_enum("NetSecurity.Action", {"NotConfigured": 0, "Allow": 2, "Block": 4})
_PROFILES: Final = ("Domain", "Private", "Public")
_LOG: Final = "%systemroot%\\system32\\LogFiles\\Firewall\\pfirewall.log"
_WINRM_PORTS: Final = (5985, 5986)
_NARROWING: Final = ("LocalAddress", "RemoteAddress", "Program", "Service", "InterfaceAlias", "InterfaceType")
_CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"
_SETTINGS: Final = (
    Parameter("Description", "string"),
    Parameter("Profile", "string[]"),
    Parameter("Protocol", "string"),
    Parameter("LocalPort", "string[]"),
    Parameter("RemotePort", "string[]"),
)


@SECURITY.cmdlet(
    "New-NetFirewallRule",
    Parameter("Name", "string", aliases=("ID",)),
    Parameter("DisplayName", "string", mandatory=True),
    Parameter("Group", "string"),
    Parameter("Enabled", "string", values=("True", "False")),
    Parameter("Direction", "string", values=("Inbound", "Outbound")),
    Parameter("Action", "string", values=("NotConfigured", "Allow", "Block")),
    *_SETTINGS,
    *(Parameter(name, "string[]") for name in _NARROWING),
    Parameter("IcmpType", "string[]"),
    Parameter("EdgeTraversalPolicy", "string"),
    should_process=True,
)
def new_rule(call: Call) -> Iterator[object]:
    """Makes a rule; one that blocks stops pings or TCP connections."""
    own, shown = network(call), call.text("DisplayName")
    name = call.text("Name") or f"{{{uuid5(NAMESPACE_DNS, f'{shown}.{call.host.computer_name}')}}}"
    if any(rule.name.lower() == name.lower() for rule in own.rules):
        text = "Cannot create a file when that file already exists. "
        raise call.fail(text, "Windows System Error 183", "ResourceExists", "MSFT_NetFirewallRule", _CIM_ERROR)
    rule = FirewallRule(name, shown, call.text("Group"), "Any", made=True)
    _read(call, rule)
    if call.should_process(shown, "New-NetFirewallRule"):
        own.rules.append(rule)
        own.gone_rules.discard(name.lower())
        changed(call)
        yield make_rule(rule)


@SECURITY.cmdlet(
    "Set-NetFirewallRule",
    *(item for item in WHICH if item.name not in ("Enabled", "Direction", "Action")),
    Parameter("NewDisplayName", "string"),
    Parameter("Enabled", "string", values=("True", "False")),
    Parameter("Direction", "string", values=("Inbound", "Outbound")),
    Parameter("Action", "string", values=("NotConfigured", "Allow", "Block")),
    *_SETTINGS,
    should_process=True,
)
def set_rule(call: Call) -> Iterator[object]:
    """Changes rules; not those of WinRM so that they allow less."""
    for rule in chosen_rules(call):
        if call.text("Enabled").lower() == "false" or call.text("Action").lower() == "block":
            require_winrm(rule)
        if call.should_process(rule.display_name, "Set-NetFirewallRule"):
            _read(call, rule)
            rule.display_name = call.text("NewDisplayName", rule.display_name)
            changed(call)
            if call.switch("PassThru"):
                yield make_rule(rule)


@SECURITY.cmdlet("Remove-NetFirewallRule", *WHICH, should_process=True)
def remove_rule(call: Call) -> Iterator[object]:
    """Takes rules away; not those of WinRM."""
    own = network(call)
    for rule in chosen_rules(call):
        require_winrm(rule)
        if call.should_process(rule.display_name, "Remove-NetFirewallRule"):
            own.rules.remove(rule)
            own.gone_rules |= {rule.name.lower(), rule.display_name.lower()}
            changed(call)
            if call.switch("PassThru"):
                yield make_rule(rule)


def _read(call: Call, rule: FirewallRule) -> None:
    """What the line says goes into a rule.  Raises PSError for what cannot be simulated."""
    rule.enabled = call.text("Enabled", str(rule.enabled)).lower() == "true"
    rule.direction = call.text("Direction", rule.direction).capitalize()
    rule.action = call.text("Action", rule.action).capitalize()
    rule.protocol = call.text("Protocol", rule.protocol)
    rule.description = call.text("Description", rule.description)
    rule.profile = ", ".join(call.texts("Profile")) or rule.profile
    rule.local_ports = tuple(call.texts("LocalPort")) or rule.local_ports
    rule.remote_ports = tuple(call.texts("RemotePort")) or rule.remote_ports
    narrow = [name for name in _NARROWING if call.has(name) and call.texts(name) != ["Any"]]
    if rule.action == "Block" and narrow:
        raise limitation(f"a firewall rule that blocks by {narrow[0]} is not simulated")
    if any(rule.blocks("Inbound", "TCP", port) or rule.blocks("Outbound", "TCP", 0, port) for port in _WINRM_PORTS):
        raise limitation("what a node does when its firewall blocks WinRM is not simulated")


@SECURITY.cmdlet(
    "Get-NetFirewallPortFilter",
    Parameter("AssociatedNetFirewallRule", "object"),
    Parameter("InputObject", "object", pipeline="value"),
)
def get_ports(call: Call) -> Iterator[object]:
    """Protocol and ports of rules that somebody made; those of Windows' own rules are not simulated."""
    given = call.get("AssociatedNetFirewallRule") or given_input(call)
    name = str(property_of(given, "Name"))
    rule = next((item for item in network(call).rules if item.name == name), None)
    if rule is None or not rule.made:
        raise limitation("ports of firewall rules that Windows brings are not simulated")
    local, remote = (strings(ports) if len(ports) > 1 else [*ports, "Any"][0] for ports in _port_lists(rule))
    yield PORTS.make(rule.protocol, local, remote, "Any", "Any", rule.name)


def _port_lists(rule: FirewallRule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return rule.local_ports, rule.remote_ports


# --- profiles

_WHICH_PROFILE: Final = (
    Parameter("Name", "string[]", position=0, pipeline="name", aliases=("Profile",)),
    Parameter("All", "switch"),
    Parameter("PolicyStore", "string"),
)


@SECURITY.cmdlet("Get-NetFirewallProfile", *_WHICH_PROFILE)
def get_profile(call: Call) -> Iterator[object]:
    """The firewall's three profiles."""
    for name in _profiles(call):
        yield _profile(call, name)


@SECURITY.cmdlet(
    "Set-NetFirewallProfile",
    *_WHICH_PROFILE,
    Parameter("Enabled", "string", values=("True", "False", "NotConfigured")),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_profile(call: Call) -> Iterator[object]:
    """Switches profiles; without that of the domain the firewall lets everything in."""
    for name in _profiles(call):
        if call.should_process(name, "Set-NetFirewallProfile"):
            off = call.text("Enabled", "True").lower() == "false"
            (network(call).open_profiles.add if off else network(call).open_profiles.discard)(name)
            if call.switch("PassThru"):
                yield _profile(call, name)


def _profiles(call: Call) -> list[str]:
    return [name for name in _PROFILES if selects(call.texts("Name"), name)]


def _profile(call: Call, name: str) -> object:
    def boolean(label: str) -> PSEnum:
        return PSEnum(_GPO_BOOLEAN, _GPO_BOOLEAN.labels[label])

    unset, no = boolean("NotConfigured"), boolean("False")
    action = PSEnum(_ACTION, 0)
    enabled = boolean("False" if name in network(call).open_profiles else "True")
    return PROFILE.make(
        name, name, enabled, action, action, *(unset,) * 6, no, unset, _LOG, UInt64(4096), no, no, unset, text=name
    )
