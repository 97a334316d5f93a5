"""Local accounts, administrators, BitLocker, rights and policies of a node."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import HOUR, ShellNode

SECRET = "$p = ConvertTo-SecureString 'x' -AsPlainText -Force; "


def test_an_account_is_made_changed_and_removed(node: ShellNode) -> None:
    made = node.one(f"{SECRET}New-LocalUser svc -Password $p -Description 'for tests'")
    assert [made.get(name) for name in ("Name", "Enabled", "Description")] == ["svc", True, "for tests"]
    assert node.error("New-LocalUser SVC -NoPassword").full_id == (
        "UserExists,Microsoft.PowerShell.Commands.NewLocalUserCommand"
    )
    node.run("Disable-LocalUser svc; Set-LocalUser svc -FullName 'A B'")
    assert node.text('$u = Get-LocalUser svc; "$($u.Enabled) $($u.FullName)"') == "False A B"
    assert node.text("(Get-LocalUser Guest).SID.Value").endswith("-501")
    node.run("Get-LocalUser svc | Enable-LocalUser")
    assert node.text("(Get-LocalUser svc).Enabled") == "True"
    node.run("Remove-LocalUser svc")
    assert node.error("Get-LocalUser svc").error_id == "UserNotFound"
    assert node.error("Enable-LocalUser svc").error_id == "UserNotFound"


def test_the_password_of_a_service_account_is_set_by_pipeline(node: ShellNode) -> None:
    assert node.text("(Get-LocalUser ECEAgentService).PasswordLastSet -eq $null") == "True"
    node.run(f"{SECRET}Get-LocalUser ECEAgentService | Set-LocalUser -Password $p")
    assert node.text("(Get-LocalUser ECEAgentService).PasswordLastSet.Hour") == "6"
    assert "twin limitation" in node.error("Remove-LocalUser ECEAgentService").message


def test_administrators_come_and_go(node: ShellNode) -> None:
    node.environment.update(USERDOMAIN="AZL", USERNAME="Deployer")
    node.run("Add-LocalGroupMember -Group Administrators -Member ECEAgentService, 'AZL\\Ops'")
    names = node.text("(Get-LocalGroupMember Administrators).Name -join ','")
    assert names.endswith("AZL\\Deployer,AZL\\Ops,NODE01\\ECEAgentService")
    assert node.error("Add-LocalGroupMember Administrators 'AZL\\Deployer'").error_id == "MemberExists"
    assert node.error("Add-LocalGroupMember Administrators nobody").error_id == "PrincipalNotFound"
    node.run("Remove-LocalGroupMember Administrators 'AZL\\Deployer'")
    assert "Deployer" not in node.text("(Get-LocalGroupMember Administrators).Name -join ','")
    assert node.error("Remove-LocalGroupMember Administrators 'AZL\\Deployer'").error_id == "MemberNotFound"
    assert "AZL\\Ops" in node.text("net localgroup administrators")


def test_whatif_changes_no_account(node: ShellNode) -> None:
    node.run("Disable-LocalUser Administrator -WhatIf")
    assert node.text("(Get-LocalUser Administrator).Enabled") == "True"


def test_suspended_protection_ends_with_its_restarts(node: ShellNode) -> None:
    assert node.text("(Get-BitLockerVolume C:).ProtectionStatus") == "On"
    node.run("Suspend-BitLocker -MountPoint C: -RebootCount 1")
    assert node.text("(Get-BitLockerVolume).ProtectionStatus") == "Off"
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-BitLockerVolume).ProtectionStatus") == "On"
    node.run("Suspend-BitLocker C: -RebootCount 0")
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-BitLockerVolume).ProtectionStatus") == "Off"
    assert node.text("(Resume-BitLocker C:).ProtectionStatus") == "On"
    assert "does not have an associated BitLocker volume" in node.error("Get-BitLockerVolume Z:").message


def test_rights_are_those_of_windows(node: ShellNode) -> None:
    acl = node.one("Get-Acl C:\\Windows")
    assert acl.get("Owner") == "BUILTIN\\Administrators"
    assert node.text("(Get-Acl C:\\Windows).Access.IdentityReference -join ','") == (
        "NT AUTHORITY\\SYSTEM,BUILTIN\\Administrators,BUILTIN\\Users"
    )
    assert node.error("Get-Acl C:\\none").error_id == "GetAcl_PathNotFound_Exception"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Get-ExecutionPolicy", "RemoteSigned"),
        ("Set-ExecutionPolicy Bypass -Scope Process -Force; Get-ExecutionPolicy", "Bypass"),
        ("Set-ExecutionPolicy AllSigned -Force; Get-ExecutionPolicy -Scope LocalMachine", "AllSigned"),
        ("(Get-ExecutionPolicy -List).Count", "5"),
    ],
)
def test_execution_policies(node: ShellNode, script: str, expected: str) -> None:
    assert node.text(script) == expected
