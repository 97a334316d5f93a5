"""Every script that is ever sent is PowerShell without parse errors, and literals mean what they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.azurelocal import builds, cau, cluster, health, updates
from harness.azurelocal.command import Command
from harness.transports.powershell import literal
from harness.twin.shell.ast import StringConstantExpressionAst
from harness.twin.shell.parser import parse
from harness.workflows.sbe import SbeUpdate
from harness.workflows.solution import SolutionUpdate

WORKFLOW = SolutionUpdate("redmond/Solution12.2510.1002.94", prepare_only=True)
EXTENSION = SbeUpdate("redmond/SBE4.1.2510.2", content="C:\\it's")
COMMANDS = [
    updates.observe_update("redmond/x"), updates.list_updates(), updates.find_active(), cluster.observe_cluster(),
    cau.read_cau(), builds.read_build(), health.read_system_health(),
    health.read_update_health("redmond/x"), WORKFLOW.start("k"), WORKFLOW.prove(),
    EXTENSION.find_content(), EXTENSION.import_content("k"), EXTENSION.read_extension(),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_scripts_parse(command: Command[object]) -> None:
    assert parse(command.script).errors == ()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_text_literals_read_back_through_the_parser(text: str) -> None:
    result = parse(literal(text))
    assert result.errors == ()
    found = [node for node in walk(result.script) if isinstance(node, StringConstantExpressionAst)]
    assert [node.value for node in found] == [text]


def walk(node: object) -> list[object]:
    """All nodes below `node`, found by looking into its slots."""
    found: list[object] = [node]
    for name in getattr(node, "__dataclass_fields__", {}):
        value = getattr(node, name)
        for child in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(child, "__dataclass_fields__") and name not in ("parent", "extent"):
                found += walk(child)
    return found
