"""Domain commands as the twin declares them: binding, errors, views, waiting."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.twin.conformance.running import CaseHost
from harness.twin.shell.commands.api import Call, CommandTable, Parameter
from harness.twin.shell.errors import ErrorRecord, PSError
from harness.twin.shell.formatting import Column, register_view, render
from harness.twin.shell.frame import Streams
from harness.twin.shell.objects import EnumType, PSObject
from harness.twin.shell.shell import CORE, Runspace, parse, run_tree

STATE = EnumType("Lab.NodeState", {"Up": 0, "Down": 1, "Paused": 2})
NODE = "Lab.Node"
LAB = CommandTable()
register_view(NODE, table=[Column("Name"), Column("State"), Column("Id", right=True)])


@LAB.cmdlet(
    "Get-LabNode",
    module="Lab",
    parameters=[Parameter("Name", "string[]", position=0, pipeline=("value", "name")), Parameter("Down", "switch")],
)
def get_lab_node(call: Call) -> Iterable[object]:
    """Nodes of a lab."""
    wanted = [name.lower() for name in call.texts("Name")]
    for at, name in enumerate(("NODE01", "NODE02"), 1):
        if not wanted or name.lower() in wanted:
            yield PSObject.of_type(
                NODE, {"Name": name, "State": STATE("Down" if call.switch("Down") else "Up"), "Id": at}, text=name
            )
    for name in wanted:
        if name not in ("node01", "node02"):
            call.write_error(f"There is no node '{name}'.", "NodeNotFound", "ObjectNotFound", name)


@LAB.cmdlet(
    "Stop-LabNode",
    module="Lab",
    parameters=[
        Parameter("Name", "string", position=0, mandatory=True, pipeline="name"),
        Parameter("Mode", "string", values=("Drain", "Force")),
        Parameter("TimeoutSeconds", "int", minimum=1, maximum=60),
    ],
)
def stop_lab_node(call: Call) -> Iterable[object]:
    """Waits, then fails for one node."""
    call.wait(call.number("TimeoutSeconds", 5))
    if call.text("Name") == "NODE02":
        raise call.fail(
            "The node is the last one.", "LastNode", "InvalidOperation", "NODE02", "System.InvalidOperationException"
        )
    yield f"stopped {call.text('Name')} {call.text('Mode', 'Drain')}"


class LabHost(CaseHost):
    """A machine with the lab's commands."""

    commands = CORE.extended(LAB)


def run(script: str) -> tuple[Runspace, list[object], list[ErrorRecord]]:
    errors: list[ErrorRecord] = []

    def on_error(record: object) -> None:
        assert isinstance(record, ErrorRecord)
        errors.append(record)

    def drop(_record: object) -> None:
        return None

    rs = Runspace(LabHost(), Streams(on_error, drop, drop, drop, drop, drop))
    output: list[object] = []
    try:
        run_tree(rs, parse(script), output.append)
    except PSError as error:
        errors.append(error.record)
    return rs, output, errors


def test_table_view_of_a_registered_type() -> None:
    rs, output, _ = run("Get-LabNode")
    assert render(rs, output, 80) == "\nName   State Id\n----   ----- --\nNODE01 Up     1\nNODE02 Up     2\n\n\n"


def test_enum_is_a_number_in_json_and_a_name_in_text() -> None:
    _, output, _ = run(
        'Get-LabNode NODE01 -Down | ConvertTo-Json -Compress; (Get-LabNode node01).State -eq "up"; "$(Get-LabNode)"'
    )
    assert output == ['{"Name":"NODE01","State":1,"Id":1}', True, "NODE01 NODE02"]


def test_json_layout_of_windows_powershell() -> None:
    _, output, _ = run("[ordered]@{ a = 1; b = @(1, 2) } | ConvertTo-Json")
    expected = '{\r\n    "a":  1,\r\n    "b":  [\r\n              1,\r\n              2\r\n          ]\r\n}'
    assert output == [expected]


def test_date_in_json() -> None:
    _, output, _ = run("@{ t = [datetime]::new(2026,1,2,3,4,5,[DateTimeKind]::Utc) } | ConvertTo-Json -Compress")
    assert output == ['{"t":"\\/Date(1767323045000)\\/"}']


def test_non_terminating_error_carries_command_and_place() -> None:
    _, output, errors = run("'before'; Get-LabNode nope; 'after'")
    assert output == ["before", "after"]
    assert errors[0].full_id == "NodeNotFound,Microsoft.PowerShell.Commands.GetLabNodeCommand"
    assert errors[0].activity == "Get-LabNode"
    assert errors[0].invocation is not None and errors[0].invocation.extent is not None


def test_terminating_error_ends_its_statement_only() -> None:
    _, output, errors = run("Get-LabNode | Stop-LabNode -Mode force; 'next'")
    assert output == ["stopped NODE01 force", "next"]
    assert [error.full_id for error in errors] == ["LastNode,Microsoft.PowerShell.Commands.StopLabNodeCommand"]


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("Stop-LabNode", "MissingMandatoryParameter"),
        ("Stop-LabNode x -Mode Hard", "ParameterArgumentValidationError"),
        ("Stop-LabNode x -Timeout 99", "ParameterArgumentValidationError"),
        ("Stop-LabNode x -Timeout abc", "CannotConvertArgumentNoMessage"),
        ("Stop-LabNode x y", "PositionalParameterNotFound"),
        ("Stop-LabNode x -Nope 1", "NamedParameterNotFound"),
        ("Stop-LabNode -Name", "MissingArgument"),
        ("Stop-LabNode ''", "ParameterArgumentValidationErrorEmptyStringNotAllowed"),
    ],
)
def test_binding_errors(script: str, error_id: str) -> None:
    _, output, errors = run(script)
    assert not output
    assert errors[0].full_id == f"{error_id},Microsoft.PowerShell.Commands.StopLabNodeCommand"


def test_command_waits_in_lab_time() -> None:
    rs, _, _ = run("Start-Sleep 30; Stop-LabNode NODE01 -TimeoutSeconds 7; Start-Sleep -Milliseconds 500")
    assert rs.host.waited_s == 37.5  # type: ignore[attr-defined]


def test_machines_can_differ() -> None:
    rs = Runspace(CaseHost())
    with pytest.raises(AssertionError):
        assert rs.commands.find("get-labnode") is not None


def test_unsupported_construct_fails_loudly() -> None:
    _, output, errors = run("'a'; workflow w { 'x' }; 'b'")
    assert output == ["a", "b"]
    assert errors[0].error_id == "TwinLimitation" and errors[0].message.startswith("twin limitation: ")
