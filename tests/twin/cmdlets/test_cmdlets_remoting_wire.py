"""The double hop over real WinRM: denied to an NTLM log-on, allowed to one by CredSSP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.labs.twin import TwinHosting
from harness.run.sessions import to_winrm
from harness.transports.replies import Reply
from harness.transports.winrm import WinRmShell


@pytest.fixture(scope="module")
def hosting() -> Iterator[TwinHosting]:
    lab = find_lab("twin-2node-guests").model_dump(mode="json", by_alias=True)
    hosted = TwinHosting("twin-2node-guests#1", {**lab, "clock": "scaled:60"})
    yield hosted
    hosted.close()


def ask(hosting: TwinHosting, transport: str, script: str) -> Reply:
    endpoint = Endpoint(**hosting.call("endpoint", {"name": "NODE01", "kind": "winrm"}))
    with WinRmShell(replace(to_winrm(endpoint), transport=cast(Any, transport))) as shell:
        return shell.run(script)


def test_ntlm_stays_on_its_node(hosting: TwinHosting) -> None:
    reply = ask(hosting, "ntlm", "Invoke-Command -ComputerName NODE02 -ScriptBlock { hostname }")
    assert reply.stdout.strip() == ""
    assert "AccessDenied,PSSessionStateBroken" in reply.stderr


def test_credssp_goes_on_once(hosting: TwinHosting) -> None:
    script = (
        "$w = 'hello'; Invoke-Command -ComputerName NODE02 -ScriptBlock {\n"
        '"$env:COMPUTERNAME $(whoami) $using:w $(Get-Location)"; Invoke-Command NODE01 { 1 } }'
    )
    reply = ask(hosting, "credssp", script)
    name, user, word, *place = reply.stdout.strip().split()
    login = str(hosting.call("endpoint", {"name": "NODE01", "kind": "winrm"})["username"])
    assert (name, user, word) == ("NODE02", login.lower(), "hello")
    assert place == [f"C:\\Users\\{login.rpartition(chr(92))[2]}\\Documents"]
    assert "AccessDenied,PSSessionStateBroken" in reply.stderr
