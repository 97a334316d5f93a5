"""Modules in files of a node ([D] about_Modules)."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import ShellNode

_FOLDER = "C:\\Program Files\\WindowsPowerShell\\Modules\\Tools"
_SCRIPT = """param($Start = 1)
$script:count = $Start
function Get-Count { $script:count++; "$(Step) $script:count $PSScriptRoot" }
function Step { 'step' }
Export-ModuleMember -Function Get-Count"""


@pytest.fixture
def equipped(node: ShellNode) -> ShellNode:
    """A node with a module of two versions, which the module path leads to."""
    node.environment["PSModulePath"] = _FOLDER.rpartition("\\")[0]
    for version in ("1.9", "1.10"):
        node.node.files.make_folder(f"{_FOLDER}\\{version}")
        node.node.files.write(f"{_FOLDER}\\{version}\\Tools.psm1", _SCRIPT.encode())
        manifest = f"@{{ RootModule = 'Tools.psm1'; ModuleVersion = '{version}'; FunctionsToExport = '*' }}"
        node.node.files.write(f"{_FOLDER}\\{version}\\Tools.psd1", manifest.encode())
    return node


def test_the_highest_version_is_found_by_name(equipped: ShellNode) -> None:
    script = "(Import-Module Tools -PassThru).Version.ToString(); $null = Get-Count; Get-Count"
    assert equipped.text(script) == f"1.10\nstep 3 {_FOLDER}\\1.10"


def test_what_is_not_exported_stays_inside(equipped: ShellNode) -> None:
    assert equipped.error("Import-Module Tools; Step").error_id == "CommandNotFoundException"


def test_a_file_by_its_path_with_prefix_and_arguments(equipped: ShellNode) -> None:
    script = f"cd '{_FOLDER}\\1.9'; Import-Module .\\Tools.psm1 -Prefix My -ArgumentList 5; Get-MyCount"
    assert equipped.text(script).startswith("step 6 ")


def test_a_missing_file_is_no_module(equipped: ShellNode) -> None:
    assert equipped.error("Import-Module C:\\none.psm1").error_id == "Modules_ModuleNotFound"


def test_a_manifest_that_names_a_missing_file(equipped: ShellNode) -> None:
    equipped.node.files.write("C:\\bad.psd1", b"@{ RootModule = 'none.psm1' }")
    assert equipped.error("Import-Module C:\\bad.psd1").error_id == "Modules_ModuleFileNotFound"
    equipped.node.files.write("C:\\worse.psd1", b"1; 2")
    assert equipped.error("Import-Module C:\\worse.psd1").error_id == "Modules_InvalidManifest"
