"""The SBE workflow: what it sends, on the simulated product too, and what it makes of the answers."""

from __future__ import annotations

import pytest

from harness.azurelocal.sbe import missing_files
from harness.azurelocal.updates import parse_list
from harness.workflows.port import ContentWorkflow, Workflow
from harness.workflows.sbe import SbeUpdate, extension_record
from harness.workflows.solution import SolutionUpdate
from tests.twin.cmdlets.shell_nodes import ShellNode, make_node, run_until

NEW = "4.1.2510.2"
UPDATE = f"redmond/SBE{NEW}"
IMPORT = "C:\\ClusterStorage\\Infrastructure_1\\Shares\\SU1_Infrastructure_1\\import"
WORKFLOW = SbeUpdate(UPDATE, ("NODE01", "NODE02"), content=f"{IMPORT}\\SBE_Contoso_Gen3_{NEW}")


@pytest.fixture
def node() -> ShellNode:
    return make_node(guests=4, sbe="4.1.2509.3")


def test_it_is_a_workflow_with_content_and_a_solution_update_is_none() -> None:
    workflow: Workflow = WORKFLOW
    assert isinstance(workflow, ContentWorkflow)
    assert not isinstance(SolutionUpdate(UPDATE), ContentWorkflow)


def test_the_import_is_sent_once_and_quotes_its_values() -> None:
    command = SbeUpdate(UPDATE, content="C:\\it's; Stop-Computer").import_content("k'1")
    assert not command.repeatable
    assert "Add-SolutionUpdate -SourceFolder 'C:\\it''s; Stop-Computer'" in command.script
    assert "'k''1'" in command.script


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ((), 3),
        (("SBE_Discovery_Contoso.xml",), 2),
        (("SBE_Discovery_Contoso.xml", "SBE_Contoso_Gen3_4.1.2510.2.xml"), 1),
        (
            (
                "sbe_discovery_contoso.xml",
                "SBE_Contoso_Gen3_4.1.2510.2.xml",
                "SBE_Contoso_Gen3_4.1.2510.2.zip",
                "EULA.pdf",
            ),
            0,
        ),
    ],
)
def test_the_three_files_are_known_by_their_names(names: tuple[str, ...], missing: int) -> None:
    assert len(missing_files(names)) == missing


def test_from_content_to_proof_on_the_simulated_product(node: ShellNode) -> None:
    before = WORKFLOW.judge_readiness(parse_list(node.json(WORKFLOW.list_updates().script)))
    assert (before.ready, before.state.name) == (False, "AdditionalContentRequired")
    assert missing_files(WORKFLOW.find_content().read(node.reply(WORKFLOW.find_content().script))) == ()
    elsewhere = SbeUpdate(UPDATE, content="C:\\no").find_content()
    assert elsewhere.read(node.reply(elsewhere.script)) == ()
    sent = WORKFLOW.import_content("k")
    assert sent.read(node.reply(sent.script)) == "imported"
    run_until(node.model, lambda: node.model.updates.row(UPDATE).state.name == "Ready")
    assert WORKFLOW.judge_readiness(parse_list(node.json(WORKFLOW.list_updates().script))).ready

    assert WORKFLOW.read_extension().read(node.reply(WORKFLOW.read_extension().script)) == "4.1.2509.3"
    start = WORKFLOW.start("k")
    assert start.read(node.reply(start.script)).startswith(f"{UPDATE}/")
    run_until(node.model, lambda: node.model.updates.row(UPDATE).state.name == "Installed")
    proof = WORKFLOW.prove().read(node.reply(WORKFLOW.prove().script))
    assert (proof.update_state.name, proof.current_sbe_version) == ("Installed", NEW)
    assert proof.current_version == "12.2509.1001.22"
    told = {"NODE01": WORKFLOW.read_extension().read(node.reply(WORKFLOW.read_extension().script))}
    assert extension_record(proof, NEW, told) == {"target": NEW, "current": NEW, "nodes": {"NODE01": NEW}}


def test_a_wrong_package_hides_the_row(node: ShellNode) -> None:
    wrong = SbeUpdate(UPDATE, content=f"{IMPORT}\\SBE_Contoso_Gen4_4.2.2510.1")
    node.json(wrong.import_content("k").script)
    run_until(node.model, lambda: len([row for row in node.model.rows if row.package_type == "SBE"]) == 1
              and node.model.rows[0].version == "4.2.2510.1")  # fmt: skip
    readiness = wrong.judge_readiness(parse_list(node.json(wrong.list_updates().script)))
    assert (readiness.ready, readiness.state.name) == (False, "")
    assert "is not listed" in readiness.reason
