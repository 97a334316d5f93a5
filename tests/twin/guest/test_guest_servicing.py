"""Packages of a guest's Windows, and the installer that refuses network log-ons."""

from __future__ import annotations

from tests.twin.guest.shell_guests import INSTALL, JANUARY, by_task, make_guest

PACKAGES = "Get-WindowsPackage -Online | % { '{0} {1}' -f $_.PackageName.Split('~')[0], $_.PackageState }"


def test_a_hotpatch_has_a_package_of_its_own() -> None:
    with make_guest() as guest:
        assert guest.text(PACKAGES) == "Package_for_RollupFix Installed"
        guest.as_system(INSTALL)
        assert guest.text(PACKAGES).splitlines() == [
            "Package_for_RollupFix Installed",
            "Package_for_HotPatch Installed",
        ]


def test_a_baseline_is_pending_until_the_restart() -> None:
    with make_guest(JANUARY) as guest:
        guest.as_system(INSTALL)
        assert guest.text(PACKAGES).splitlines()[-1] == "Package_for_RollupFix InstallPending"


def test_a_package_that_is_not_there() -> None:
    with make_guest() as guest:
        message = guest.failure("Get-WindowsPackage -Online -PackageName Package_for_Nope")
        assert message == "The specified package is not valid Windows package."


def test_the_installer_refuses_a_network_log_on() -> None:
    with make_guest() as guest:
        assert guest.text("wusa C:\\x.msu /quiet /norestart; $LASTEXITCODE") == "5"
        script = "wusa C:\\x.msu 2>$null; ConvertTo-Json $LASTEXITCODE | Set-Content C:\\Windows\\Temp\\hil.json"
        assert guest.json(by_task(script)) == 1
