"""Solution Builder Extensions through the commands that an operator types."""

from __future__ import annotations

import pytest

from harness.twin.shell.objects import PSHashtable
from harness.twin.shell.versions import Version
from tests.twin.cmdlets.shell_nodes import ShellNode, make_node, run_until

NEW = "4.1.2510.2"
IMPORT = "C:\\ClusterStorage\\Infrastructure_1\\Shares\\SU1_Infrastructure_1\\import"
TABLE = (
    "Get-SolutionUpdate | ? State -notin Installed,Obsolete | ft DisplayName, PackageType, Version, SbeVersion, State"
)


@pytest.fixture
def node() -> ShellNode:
    """NODE01 of four nodes whose vendor offers a newer extension than the installed one."""
    return make_node(guests=4, sbe="4.1.2509.3")


def discover(node: ShellNode) -> None:
    run_until(
        node.model,
        lambda: node.model.events[-1].path == "update/discovery" and node.model.events[-1].kind == "phase.exit",
    )


def test_the_row_as_documented(node: ShellNode) -> None:
    row = node.one(f"Get-SolutionUpdate -Id redmond/SBE{NEW}")
    assert row.get("DisplayName") == f"SBE_Contoso_Gen3_{NEW}"
    assert (row.get("Version"), row.get("SbeVersion")) == (Version(4, 1, 2510, 2), Version(4, 1, 2510, 2))
    assert (row.get("PackageType"), row.get("Publisher"), row.get("AvailabilityType")) == ("SBE", "Contoso", "Notify")
    assert row.get("UpdateStateProperties") == "The update requires additional content distributed by the OEM."
    more = row.get("AdditionalProperties")
    assert isinstance(more, PSHashtable)
    assert node.text(f"(Get-SolutionUpdate -Id redmond/SBE{NEW}).AdditionalProperties.SBEReleaseLink") == (
        f"https://contoso.com/SBE/{NEW}/ReleaseNotes.pdf"
    )
    names = (
        "SBEReleaseLink SBENotifyMessage SBEFamily SBEPublisher SupportedModels SBEPackageSizeInMb SBECopyright "
        "SBELicenseUri"
    )
    assert node.text(f"(Get-SolutionUpdate -Id redmond/SBE{NEW}).AdditionalProperties.Keys -join ' '") == names


def test_import_as_an_operator_does_it(node: ShellNode) -> None:
    assert node.table(TABLE)[2].endswith("AdditionalContentRequired")
    assert node.text(f"Add-SolutionUpdate -SourceFolder {IMPORT}\\SBE_Contoso_Gen3_{NEW}") == ""
    discover(node)
    assert [line.split()[-1] for line in node.table(TABLE)[2:]] == ["Ready", "Ready"]


def test_a_wrong_family_leaves_one_row_with_a_prerequisite(node: ShellNode) -> None:
    node.text(f"Add-SolutionUpdate {IMPORT}\\SBE_Contoso_Gen4_4.2.2510.1")
    discover(node)
    (line,) = node.table(TABLE)[2:]
    assert line.split() == ["SBE_Contoso_Gen4_4.2.2510.1", "SBE", "4.2.2510.1", "4.2.2510.1", "HasPrerequisite"]
    wanted = node.one("(Get-SolutionUpdate -Id redmond/SBE4.2.2510.1).Prerequisites")
    assert (wanted.get("UpdateType"), wanted.get("Version")) == ("Solution", Version(12, 2510, 0, 0))


def test_errors_name_what_is_missing(node: ShellNode) -> None:
    folder = f"{IMPORT}\\SBE_Contoso_Gen3_{NEW}"
    node.text(f"Remove-Item {folder}\\SBE_Contoso_Gen3_{NEW}.zip")
    error = node.error(f"Add-SolutionUpdate -SourceFolder {folder}")
    assert "holds no file 'SBE_<Manufacturer>_<Family>_<Version>.zip'" in error.message
    assert error.full_id == "InvalidSourceFolder,Microsoft.AzureStack.Lcm.PowerShell.AddSolutionUpdateCmdlet"
    assert "does not exist" in node.error("Add-SolutionUpdate -SourceFolder \\\\server\\share").message
    assert "not newer" in node.error(f"Add-SolutionUpdate {IMPORT}\\SBE_Contoso_Gen3_4.1.2508.4").message
    assert node.run(f"Add-SolutionUpdate {IMPORT}\\SBE_Contoso_Gen3_4.1.2508.4 -SkipSbeVersionValidation")[2] == 0


def test_without_a_vendor_the_import_is_a_limit_of_the_twin() -> None:
    assert "twin limitation" in make_node(guests=2).error("Add-SolutionUpdate C:\\SBE").message
