"""Commands of storage and Hyper-V that ask other nodes by a parameter ([D] about_CimSession, Hyper-V)."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import ShellNode, make_node


@pytest.fixture(scope="module")
def console() -> ShellNode:
    """NODE01 of four nodes, from where one may go on; not changed here."""
    node = make_node(guests=8)
    node.delegated = True
    return node


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-VirtualDisk -CimSession NODE02 | select -Unique PSComputerName).PSComputerName", "NODE02"),
        ("$s = New-CimSession NODE03; (Get-StoragePool -CimSession $s -IsPrimordial $false).FriendlyName", "SU1_Pool"),
        ("(Get-VM -CimSession NODE02).Name -join ','", "VM02,VM06"),
        ("(Get-VM -ComputerName NODE02).Name -join ','", "VM02,VM06"),
        ("(Get-VMHost -ComputerName NODE02, NODE03).Name -join ','", "NODE02,NODE03"),
        ("(Get-VMSwitch -CimSession NODE04).Name", "ConvergedSwitch(compute_management)"),
    ],
)
def test_a_command_runs_on_the_machines_that_are_named(console: ShellNode, script: str, expected: str) -> None:
    assert console.text(script) == expected


def test_a_log_on_that_may_not_go_on_is_refused(idle: ShellNode) -> None:
    assert idle.error("Get-VirtualDisk -CimSession NODE02").full_id == "HRESULT 0x80070005,Get-VirtualDisk"


def test_a_host_that_refuses_does_not_hide_the_others(idle: ShellNode) -> None:
    output, errors, _ = idle.run("(Get-VM -ComputerName (Get-ClusterNode).Name).ComputerName | select -Unique")
    assert output == ["NODE01"]
    assert [error.error_id for error in errors] == ["AccessDenied"] * 3
