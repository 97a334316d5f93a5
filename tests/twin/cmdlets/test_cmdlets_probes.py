"""Names and reachability: they follow the model, and cost the time that silence costs."""

from __future__ import annotations

import pytest

from harness.twin.shell.errors import ErrorRecord
from tests.twin.cmdlets.shell_nodes import S, ShellNode, make_node

MANAGEMENT = "vManagement(compute_management)"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("NODE02", "192.168.200.11"),
        ("node02.lab.local", "192.168.200.11"),
        ("CLUSTER01", "192.168.200.40"),
        ("lab.local", "192.168.200.5"),
        ("dc01.lab.local.", "192.168.200.5"),
    ],
)
def test_names_of_the_domain(idle: ShellNode, name: str, address: str) -> None:
    assert idle.text(f"(Resolve-DnsName {name} -Type A -DnsOnly).IPAddress") == address


def test_reverse_lookup_and_view(idle: ShellNode) -> None:
    assert idle.text("(Resolve-DnsName 192.168.200.12).NameHost") == "node03.lab.local"
    header, _, row = idle.table("Resolve-DnsName NODE02")
    assert header.split() == ["Name", "Type", "TTL", "Section", "IPAddress"]
    assert row.split() == ["NODE02.lab.local", "A", "1200", "Answer", "192.168.200.11"]


def test_a_name_that_does_not_exist(idle: ShellNode) -> None:
    error = idle.error("Resolve-DnsName nope.lab.local")
    assert error.full_id == "DNS_ERROR_RCODE_NAME_ERROR,Microsoft.DnsClient.Commands.ResolveDnsName"
    assert error.message == "nope.lab.local : DNS name does not exist"


def test_the_wrong_name_server_costs_time_and_resolves_nothing(node: ShellNode) -> None:
    node.run(f"Set-DnsClientServerAddress -InterfaceAlias '{MANAGEMENT}' -ServerAddresses 192.168.200.77")
    before = node.model.now_ns
    error = node.error("Resolve-DnsName NODE02")
    assert error.full_id == "ERROR_TIMEOUT,Microsoft.DnsClient.Commands.ResolveDnsName"
    assert node.model.now_ns - before == 12 * S
    for server in ("192.168.200.5", "dc01.lab.local"):
        assert node.text(f"(Resolve-DnsName NODE02 -Server {server}).IPAddress") == "192.168.200.11"
    assert "could not find host NODE02" in node.text("ping NODE02; $global:LASTEXITCODE = 0")
    assert node.text("Test-Connection 192.168.200.11 -Quiet -Count 1") == "True"


def test_a_node_without_power_answers_nothing(node: ShellNode) -> None:
    node.model.power_off("NODE02")
    assert node.text("Test-Connection NODE02 -Count 1 -Quiet") == "False"
    error = node.error("Test-Connection NODE02 -Count 1")
    assert error.full_id == "TestConnectionException,Microsoft.PowerShell.Commands.TestConnectionCommand"
    assert error.message.startswith("Testing connection to computer 'NODE02' failed: ")
    before = node.model.now_ns
    assert node.text("(Test-NetConnection NODE02 -Port 5985).TcpTestSucceeded") == "False"
    assert node.model.now_ns - before == 25 * S
    assert node.warnings == [
        "TCP connect to (192.168.200.11 : 5985) failed",
        "Ping to 192.168.200.11 failed with status: DestinationHostUnreachable",
    ]
    assert node.text("Test-NetConnection 192.168.200.11 -InformationLevel Quiet") == "False"


def test_ports_follow_the_services(node: ShellNode) -> None:
    model = node.model
    owner = model.owner_of()
    others = [name for name in model.nodes if name != owner]
    assert node.text(f"(Test-NetConnection {owner} -Port 4900).TcpTestSucceeded") == "True"
    assert node.text(f"(Test-NetConnection {others[0]} -Port 4900).TcpTestSucceeded") == "False"
    assert node.text("(Test-NetConnection lab.local -Port 389).TcpTestSucceeded") == "True"
    assert node.text("(Test-NetConnection CLUSTER01 -CommonTCPPort SMB).TcpTestSucceeded") == "True"
    model.restart_node("NODE03")
    model.run_until(model.now_ns + 3600 * S, lambda event: event.kind == "node.winrm" and event.node == "NODE03")
    assert node.text("(Test-NetConnection NODE03 -Port 5985).TcpTestSucceeded") == "False"


def test_storage_networks_are_cut_off_with_the_cluster_network(node: ShellNode) -> None:
    assert node.text("Test-Connection 10.71.1.11 -Count 1 -Quiet") == "True"
    node.model.isolate("NODE02")
    assert node.text("Test-Connection 10.71.1.11 -Count 1 -Quiet") == "False"
    assert node.text("Test-Connection NODE02 -Count 1 -Quiet") == "True"


def test_the_firewall_decides_about_pings(node: ShellNode) -> None:
    other = ShellNode(node.model, "NODE02")
    other.run("Disable-NetFirewallRule -Name FPS-ICMP4-ERQ-In,FailoverCluster-ICMP4-ERQ-In")
    assert node.error("Test-Connection NODE02 -Count 1").message.endswith("Error due to lack of resources")
    assert node.text("(Test-NetConnection NODE02 -Port 5985).TcpTestSucceeded") == "True"
    lines, errors = _program(node, "ping -n 1 NODE02")
    assert "Request timed out." in lines
    assert errors == []


def test_a_node_without_management_adapter_is_out_of_reach(node: ShellNode) -> None:
    other = ShellNode(node.model, "NODE02")
    other.run(f"Disable-NetAdapter '{MANAGEMENT}' -Confirm:$false")
    assert node.text("Test-Connection NODE02 -Count 1 -Quiet") == "False"
    assert node.text("Test-Connection 10.71.2.11 -Count 1 -Quiet") == "True"
    assert not node.model.nodes["NODE02"].management_up
    last = node.model.events[-1]
    assert (last.kind, last.node, last.attrs["management"]) == ("node.network", "NODE02", "down")
    other.run(f"Enable-NetAdapter '{MANAGEMENT}' -Confirm:$false")
    assert node.model.nodes["NODE02"].management_up
    assert node.model.events[-1].attrs["management"] == "up"


def test_nothing_is_built_for_nodes_that_nobody_asks(node: ShellNode) -> None:
    node.run("Get-NetAdapter")
    assert [name for name, one in node.model.nodes.items() if one.network is not None] == ["NODE01"]


def test_views_of_probes(idle: ShellNode) -> None:
    header, _, row = idle.table("Test-Connection NODE02 -Count 1")
    assert header.split() == ["Source", "Destination", "IPV4Address", "IPV6Address", "Bytes", "Time(ms)"]
    assert row.split() == ["NODE01", "NODE02", "192.168.200.11", "32", "0"]
    assert idle.table("Test-NetConnection NODE02 -Port 5985")[-1] == "TcpTestSucceeded : True"
    assert idle.table("Test-NetConnection NODE02")[-1] == "PingReplyDetails (RTT) : 0 ms"


def _program(node: ShellNode, line: str) -> tuple[list[str], list[ErrorRecord]]:
    out, errors, _ = node.run(line)
    return [str(item) for item in out], errors


def test_ping(idle: ShellNode) -> None:
    lines, _ = _program(idle, "ping -n 2 -S 10.71.1.10 10.71.1.11")
    assert lines[1:4] == [
        "Pinging 10.71.1.11 from 10.71.1.10 with 32 bytes of data:",
        "Reply from 10.71.1.11: bytes=32 time<1ms TTL=128",
        "Reply from 10.71.1.11: bytes=32 time<1ms TTL=128",
    ]
    assert "PING: transmit failed. General failure. " in _program(idle, "ping -n 1 -S 10.71.1.10 10.71.2.11")[0]
    assert "    Packets: Sent = 2, Received = 2, Lost = 0 (0% loss)," in lines
    assert idle.text("$null = ping -n 1 NODE02; $LASTEXITCODE") == "0"
    for line in ("ping -f -l 8972 NODE02", "ping 8.8.8.8", "netsh trace start"):
        _, errors = _program(idle, line)
        assert errors[0].message.startswith("twin limitation: ")


def test_ping_from_a_second_address_of_an_interface(node: ShellNode) -> None:
    node.run("New-NetIPAddress -InterfaceAlias 'ethernet 3' -IPAddress 10.71.1.99 -PrefixLength 24")
    assert "Reply from 10.71.1.11: bytes=32 time<1ms TTL=128" in _program(node, "ping 10.71.1.11 -S 10.71.1.99 -n 1")[0]


def test_the_proxy_of_winhttp(node: ShellNode) -> None:
    assert "    Direct access (no proxy server)." in _program(node, "netsh winhttp show proxy")[0]
    node.run('netsh winhttp set proxy proxy-server="proxy:8080" bypass-list="*.local;localhost"')
    shown, _ = _program(node, "netsh winhttp show proxy")
    assert "    Proxy Server(s) :  proxy:8080" in shown
    assert "    Bypass List     :  *.local;localhost" in shown
    node.run("netsh winhttp reset proxy")
    assert "    Direct access (no proxy server)." in _program(node, "netsh winhttp show proxy")[0]


def test_ipconfig(idle: ShellNode) -> None:
    lines, _ = _program(idle, "ipconfig /all")
    assert "   Host Name . . . . . . . . . . . . : NODE01" in lines
    assert "   Connection-specific DNS Suffix  . : " in lines
    assert "   IPv4 Address. . . . . . . . . . . : 192.168.200.10(Preferred)" in lines
    assert "   DNS Servers . . . . . . . . . . . : 192.168.200.5" in lines
    short, _ = _program(idle, "ipconfig")
    assert f"Ethernet adapter {MANAGEMENT}:" in short
    assert not any("Physical Address" in line for line in short)


def test_one_machine_has_a_network_too() -> None:
    alone = make_node(nodes=1, guests=2)
    assert alone.text("Test-Connection CLUSTER01 -Count 1 -Quiet") == "True"
    assert len(alone.objects("Get-NetIntentStatus")) == 2


def test_what_was_asked_for_is_remembered_until_it_is_cleared(node: ShellNode) -> None:
    assert node.text("Resolve-DnsName NODE02 | % IPAddress; ping -n 1 NODE03 | Out-Null") == "192.168.200.11"
    assert node.text("Get-DnsClientCache | % Entry") == "node02.lab.local\nnode03.lab.local"
    node.model.run_until(node.model.now_ns + 200 * S, lambda event: False)
    assert 900 < int(node.text("(Get-DnsClientCache -Entry node02.lab.local).TimeToLive")) < 1001
    node.run("New-NetFirewallRule -DisplayName dns -Direction Outbound -Action Block -Protocol UDP -RemotePort 53")
    assert node.text("(Resolve-DnsName NODE02 -CacheOnly).IPAddress") == "192.168.200.11"
    assert node.error("Resolve-DnsName NODE04").full_id.startswith("ERROR_TIMEOUT,")
    node.run("Clear-DnsClientCache")
    assert node.text("Get-DnsClientCache") == ""
    assert node.error("Resolve-DnsName NODE02").full_id.startswith("ERROR_TIMEOUT,")


def test_names_are_forgotten_after_their_time_and_with_the_boot(node: ShellNode) -> None:
    node.run("Resolve-DnsName NODE02")
    node.model.run_until(node.model.now_ns + 1300 * S, lambda event: False)
    assert node.text("Get-DnsClientCache") == ""
    node.run("Resolve-DnsName NODE02; ipconfig /flushdns")
    assert node.text("Get-DnsClientCache") == ""
    node.run("Resolve-DnsName NODE02")
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + 900 * S, lambda event: event.kind == "node.up")
    assert node.text("Get-DnsClientCache") == ""
