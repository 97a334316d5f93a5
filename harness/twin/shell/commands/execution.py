"""Execution policy, host, providers, verbs and debugging settings of a session ([D] PSD 5.1).

The policy of a machine is that of Windows Server, RemoteSigned ([D]); there are no script files which it could stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE, UTILITY
from harness.twin.shell.dotnet.assemblies import known_assembly
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import EnumType, PSObject
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.typesystem import register_enum

_SECURITY: Final = "Microsoft.PowerShell.Security"
POLICY: Final = register_enum(
    EnumType(
        "Microsoft.PowerShell.ExecutionPolicy",
        {
            "Unrestricted": 0,
            "RemoteSigned": 1,
            "AllSigned": 2,
            "Restricted": 3,
            "Bypass": 4,
            "Undefined": 5,
            "Default": 3,
        },
    )
)
SCOPE: Final = register_enum(
    EnumType(
        "Microsoft.PowerShell.ExecutionPolicyScope",
        {"Process": 0, "CurrentUser": 1, "LocalMachine": 2, "UserPolicy": 3, "MachinePolicy": 4},
    )
)
_ORDER: Final = ("MachinePolicy", "UserPolicy", "Process", "CurrentUser", "LocalMachine")
_INITIAL: Final = {"LocalMachine": "RemoteSigned"}
_KEY: Final = "__executionpolicy__"


def _policies(call: Call) -> dict[str, str]:
    """Policies by scope, as this session set them."""
    found = call.rs.global_scope.value(_KEY)
    if isinstance(found, dict):
        return found
    made = dict(_INITIAL)
    call.rs.global_scope.put(_KEY, made)
    return made


@CORE.cmdlet(
    "Get-ExecutionPolicy",
    module=_SECURITY,
    parameters=[
        Parameter("Scope", SCOPE.name, position=0, pipeline="name"),
        Parameter("List", "switch"),
    ],
)
def get_execution_policy(call: Call) -> Iterable[object]:
    """The policy in force, that of a scope, or all of them."""
    policies = _policies(call)
    if call.switch("List"):
        for name in _ORDER:
            yield PSObject({"Scope": SCOPE(name), "ExecutionPolicy": POLICY(policies.get(name, "Undefined"))})
    elif call.has("Scope"):
        yield POLICY(policies.get(call.get("Scope").name, "Undefined"))
    else:
        yield POLICY(
            next((policies[name] for name in _ORDER if policies.get(name, "Undefined") != "Undefined"), "Restricted")
        )


@CORE.cmdlet(
    "Set-ExecutionPolicy",
    module=_SECURITY,
    parameters=[
        Parameter("ExecutionPolicy", POLICY.name, position=0, mandatory=True, pipeline="name"),
        Parameter("Scope", SCOPE.name, position=1, pipeline="name"),
        Parameter("Force", "switch"),
    ],
    should_process=True,
)
def set_execution_policy(call: Call) -> None:
    """Sets the policy of a scope for this session; the two of group policy cannot be set."""
    scope = call.get("Scope").name if call.has("Scope") else "LocalMachine"
    if scope in ("MachinePolicy", "UserPolicy"):
        text = "Cannot set execution policy. Execution policies at the MachinePolicy or UserPolicy scopes must be set "
        text += "through Group Policy."
        error_id = "CantSetGroupPolicy"
        raise call.fail(text, error_id, "InvalidOperation", None, "System.InvalidOperationException")
    wanted = call.get("ExecutionPolicy").name
    if call.should_process(wanted, "Set-ExecutionPolicy"):
        _policies(call)[scope] = wanted


_PROVIDERS: Final = (
    ("Registry", "ShouldProcess, Transactions", "HKLM HKCU"),
    ("Alias", "ShouldProcess", "Alias"),
    ("Environment", "ShouldProcess", "Env"),
    ("FileSystem", "Filter, ShouldProcess, Credentials", "C"),
    ("Function", "ShouldProcess", "Function"),
    ("Variable", "ShouldProcess", "Variable"),
)


@CORE.cmdlet(
    "Get-PSProvider",
    module="Microsoft.PowerShell.Management",
    parameters=[Parameter("PSProvider", "string[]", position=0, pipeline=("value", "name"))],
)
def get_provider(call: Call) -> Iterable[object]:
    """The providers of a session, with their drives."""
    wanted = call.texts("PSProvider") or ["*"]
    for one in wanted:
        found = [row for row in _PROVIDERS if matches_wildcard(one, row[0])]
        if not found:
            text = f"Cannot find a provider with the name '{one}'."
            kind = "System.Management.Automation.ProviderNotFoundException"
            call.write_error(text, "ProviderNotFound", "ObjectNotFound", one, kind)
        for name, capabilities, drives in found:
            yield PSObject.of_type(
                "System.Management.Automation.ProviderInfo",
                {"Name": name, "Capabilities": capabilities, "Drives": list(drives.split())},
                text=f"Microsoft.PowerShell.Core\\{name}",
            )


_VERBS: Final = {
    "Common": "Add Clear Close Copy Enter Exit Find Format Get Hide Join Lock Move New Open Optimize Pop Push Redo "
    "Remove Rename Reset Resize Search Select Set Show Skip Split Step Switch Undo Unlock Watch",
    "Data": "Backup Checkpoint Compare Compress Convert ConvertFrom ConvertTo Dismount Edit Expand Export Group "
    "Import Initialize Limit Merge Mount Out Publish Restore Save Sync Unpublish Update",
    "Lifecycle": "Approve Assert Complete Confirm Deny Disable Enable Install Invoke Register Request Restart Resume "
    "Start Stop Submit Suspend Uninstall Unregister Wait",
    "Diagnostic": "Debug Measure Ping Repair Resolve Test Trace",
    "Communications": "Connect Disconnect Read Receive Send Write",
    "Security": "Block Grant Protect Revoke Unblock Unprotect",
    "Other": "Use",
}
"""[D] Approved verbs of 5.1, by group."""


@CORE.cmdlet("Get-Verb", module=ENGINE, parameters=[Parameter("Verb", "string[]", position=0, pipeline="value")])
def get_verb(call: Call) -> Iterable[object]:
    """The approved verbs."""
    wanted = call.texts("Verb") or ["*"]
    for group, words in _VERBS.items():
        for word in words.split():
            if any(matches_wildcard(pattern, word) for pattern in wanted):
                yield PSObject({"Verb": word, "Group": group})


@CORE.cmdlet(
    "Set-PSDebug",
    module=ENGINE,
    parameters=[
        Parameter("Trace", "int", minimum=0, maximum=2),
        Parameter("Step", "switch"),
        Parameter("Strict", "switch"),
        Parameter("Off", "switch"),
    ],
)
def set_debug(call: Call) -> None:
    """Turns tracing off, and strictness on; traces and steps are not simulated."""
    if call.number("Trace") or call.switch("Step"):
        raise limitation("Set-PSDebug with -Trace or -Step is not simulated")
    call.rs.global_scope.strict = 1 if call.switch("Strict") else None


@CORE.cmdlet(
    "Register-ArgumentCompleter",
    module=ENGINE,
    parameters=[
        Parameter("CommandName", "string[]"),
        Parameter("ParameterName", "string"),
        Parameter("ScriptBlock", "scriptblock", mandatory=True),
        Parameter("Native", "switch"),
    ],
)
def register_completer(_call: Call) -> None:
    """Nobody types here whose words could be completed."""


@CORE.cmdlet(
    "Add-Type",
    module=UTILITY,
    parameters=[
        Parameter("TypeDefinition", "string", position=0, mandatory=True, sets=("FromSource",)),
        Parameter("Name", "string", position=0, mandatory=True, sets=("FromMember",)),
        Parameter("MemberDefinition", "string[]", position=1, mandatory=True, sets=("FromMember",)),
        Parameter("Namespace", "string", sets=("FromMember",), aliases=("NS",)),
        Parameter("UsingNamespace", "string[]", sets=("FromMember",), aliases=("Using",)),
        Parameter("Path", "string[]", position=0, mandatory=True, sets=("FromPath",), aliases=("LiteralPath",)),
        Parameter("AssemblyName", "string[]", mandatory=True, sets=("FromAssemblyName",), aliases=("AN",)),
        Parameter("ReferencedAssemblies", "string[]", aliases=("RA",)),
        Parameter("Language", "string", sets=("FromSource", "FromMember")),
        Parameter("PassThru", "switch"),
        Parameter("IgnoreWarnings", "switch"),
    ],
    default_set="FromSource",
)
def add_type(call: Call) -> None:
    """Loads assemblies of the framework; source text is not compiled."""
    if call.parameter_set != "FromAssemblyName" or call.switch("PassThru"):
        raise limitation("Add-Type loads assemblies by name; compiling source text is not simulated")
    for name in call.texts("AssemblyName"):
        if known_assembly(name) is None:
            text = f"Cannot add type. The assembly '{name}' could not be found."
            raise call.fail(text, "ASSEMBLY_NOT_FOUND", "ObjectNotFound", name)


register_view(
    "System.Management.Automation.ProviderInfo",
    table=[Column("Name", width=20), Column("Capabilities", width=45), Column("Drives")],
    auto=False,
)
__all__ = ["POLICY", "SCOPE"]
