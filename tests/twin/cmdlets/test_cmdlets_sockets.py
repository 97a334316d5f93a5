"""Names and open ports by .NET's classes, as scripts test them: they follow the same model as the commands."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import S, ShellNode

CLIENT = "$client = New-Object System.Net.Sockets.TcpClient\n"
SILENT = "failed because connected host has failed to respond 192.168.200.11:445"


def test_names(node: ShellNode) -> None:
    assert node.text("[System.Net.Dns]::GetHostAddresses('node02') | % IPAddressToString") == "192.168.200.11"
    assert node.text("[Net.Dns]::GetHostEntry('192.168.200.12').HostName") == "node03.lab.local"
    assert node.text("([Net.Dns]::GetHostByName('NODE02')).AddressList[0].ToString()") == "192.168.200.11"
    assert node.text("[Net.Dns]::GetHostName(); [Net.Dns]::GetHostAddresses('10.1.2.3')") == "NODE01\n10.1.2.3"
    error = node.error("[Net.Dns]::GetHostAddresses('nope')")
    assert error.message == 'Exception calling "GetHostAddresses" with "1" argument(s): "No such host is known"'
    assert node.error("[Net.Dns]::Resolve('www.microsoft.com')").message.startswith("twin limitation: ")


def test_a_port_that_listens_takes_the_connection(node: ShellNode) -> None:
    script = "$client.Connect('NODE02', 445); $client.Connected; $client.Close(); $client.Connected"
    assert node.text(CLIENT + script) == "True\nFalse"
    assert node.text("[Net.Sockets.TcpClient]::new('192.168.200.5', 53).Connected") == "True"


def test_a_machine_that_is_off_costs_the_time_of_a_connection(node: ShellNode) -> None:
    node.model.power_off("NODE02")
    before = node.model.now_ns
    error = node.error(f"{CLIENT} $client.Connect('192.168.200.11', 445)")
    assert error.message.startswith('Exception calling "Connect" with "2" argument(s): "A connection attempt failed')
    assert SILENT in error.message
    assert node.model.now_ns - before == 21 * S
    refused = node.error(f"{CLIENT} $client.Connect('NODE04', 4900)")
    assert "actively refused it 192.168.200.13:4900" in refused.message


def test_waiting_for_a_while_only(node: ShellNode) -> None:
    node.model.power_off("NODE02")
    before = node.model.now_ns
    assert node.text(f"{CLIENT} $client.ConnectAsync('192.168.200.11', 445).Wait(1500)") == "False"
    assert node.model.now_ns - before == 1_500_000_000
    script = f"{CLIENT} $begun = $client.BeginConnect('NODE03', 445, $null, $null)\n"
    script += "$begun.AsyncWaitHandle.WaitOne(500, $false); $client.EndConnect($begun); $client.Connected"
    assert node.text(script) == "True\nTrue"
    wait = "$client.ConnectAsync('192.168.200.11', 445).Wait()"
    caught = f"{CLIENT} try {{ {wait} }} catch {{ $_.Exception.InnerException.InnerException.Message }}"
    assert node.text(caught).endswith(SILENT)


@pytest.mark.parametrize("script", ["$client.Connect('NODE02', 3389)", "$client.GetStream()"])
def test_what_is_not_simulated_says_so(node: ShellNode, script: str) -> None:
    assert node.error(f"{CLIENT} {script}").message.startswith("twin limitation: ")
