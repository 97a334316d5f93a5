"""``$PWD`` and ``$ExecutionContext``: the place a session is at, and the engine's own services ([D] .NET reference)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from harness.twin.shell.errors import NetError, limitation
from harness.twin.shell.objects import ComputedProperty, EnumType, PSMethod, PSObject
from harness.twin.shell.scope import Variable
from harness.twin.shell.storage import absolute
from harness.twin.shell.text import to_text

if TYPE_CHECKING:
    from harness.twin.shell.frame import Frame
    from harness.twin.shell.runspace import Runspace

_LANGUAGE: Final = EnumType(
    "System.Management.Automation.PSLanguageMode",
    {"FullLanguage": 0, "RestrictedLanguage": 1, "NoLanguage": 2, "ConstrainedLanguage": 3},
)
PATH_INFO: Final = "System.Management.Automation.PathInfo"
_PROVIDER: Final = "Microsoft.PowerShell.Core\\FileSystem"


def path_info(place: str) -> PSObject:
    """A location as ``Get-Location`` and ``$PWD`` give it."""
    drive = place.partition(":")[0] if ":" in place else None
    found = {"Drive": drive, "Provider": _PROVIDER, "ProviderPath": place, "Path": place}
    return PSObject.of_type(PATH_INFO, found, text=place)


def _here(rs: Runspace) -> Frame:
    return rs.frames[-1] if rs.frames else rs.frame()


def expand_string(rs: Runspace, text: str) -> str:
    """A text as if it stood between double quotes, whatever quotes it holds itself."""
    from harness.twin.shell.compiler import compile_tree
    from harness.twin.shell.frame import Frame
    from harness.twin.shell.parsefailure import parse_exception
    from harness.twin.shell.parser import parse

    result = parse(f'@"\n{text}\n"@')
    if result.errors:
        raise NetError(parse_exception(result))
    here = _here(rs)
    found: list[object] = []
    run = compile_tree(result.script).body.end
    if run is not None:
        run(Frame(rs, here.scope, found.append, here.streams, result.source, here.function))
    return to_text(found[0]) if found else ""


def _method(name: str, call: Callable[..., object], signature: str) -> PSMethod:
    return PSMethod(name, lambda _this, *arguments: call(*arguments), signature=signature)


def _with_methods(type_name: str, *methods: PSMethod) -> PSObject:
    made = PSObject.of_type(type_name, {})
    for one in methods:
        made.members[one.name.lower()] = one
    return made


def _variables(rs: Runspace) -> PSObject:
    """``SessionState.PSVariable``."""

    def value(name: str, default: object = None) -> object:
        found = _here(rs).scope.find(to_text(name).lower())
        return default if found is None else found.value

    def put(name: str, new: object = None) -> None:
        low = to_text(name).lower()
        found = _here(rs).scope.vars.get(low)
        if found is None:
            _here(rs).scope.vars[low] = Variable(to_text(name), new)
        else:
            found.value = new

    return _with_methods(
        "System.Management.Automation.PSVariableIntrinsics",
        _method("GetValue", value, "System.Object GetValue(string name)"),
        _method("Set", put, "void Set(string name, System.Object value)"),
    )


def _commands(rs: Runspace) -> PSObject:
    """``InvokeCommand``."""
    from harness.twin.shell.dotnet.reflection import create_block, invoke_block

    def run(text: object, *rest: object) -> object:
        if rest:
            raise limitation("$ExecutionContext.InvokeCommand.InvokeScript with more than a text is not simulated")
        return invoke_block(create_block(to_text(text)), [])

    return _with_methods(
        "System.Management.Automation.CommandInvocationIntrinsics",
        _method("ExpandString", lambda text: expand_string(rs, to_text(text)), "string ExpandString(string source)"),
        _method("InvokeScript", run, "Collection[psobject] InvokeScript(string script)"),
        _method("NewScriptBlock", lambda text: create_block(to_text(text)), "scriptblock NewScriptBlock(string text)"),
    )


def session_state(rs: Runspace) -> PSObject:
    """``SessionState``: places and variables."""
    path = _with_methods(
        "System.Management.Automation.PathIntrinsics",
        _method(
            "GetUnresolvedProviderPathFromPSPath",
            lambda text: absolute(to_text(text), rs.location),
            "string GetUnresolvedProviderPathFromPSPath(string path)",
        ),
    )
    path.members["currentlocation"] = ComputedProperty("CurrentLocation", lambda _this: path_info(rs.location))
    return PSObject.of_type(
        "System.Management.Automation.SessionState",
        {"Path": path, "PSVariable": _variables(rs), "LanguageMode": _LANGUAGE("FullLanguage")},
    )


def engine_context(rs: Runspace) -> PSObject:
    """``$ExecutionContext`` of a session."""
    state = session_state(rs)
    return PSObject.of_type(
        "System.Management.Automation.EngineIntrinsics", {"InvokeCommand": _commands(rs), "SessionState": state}
    )
