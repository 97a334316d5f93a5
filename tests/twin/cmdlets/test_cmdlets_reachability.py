"""Who sees whom: networks of the cluster, neighbours, paths of SMB, requests by HTTP and WinRM, programs that look."""

from __future__ import annotations

import pytest

from harness.twin.shell.errors import ErrorRecord
from tests.twin.cmdlets.shell_nodes import S, ShellNode

MANAGEMENT = "vManagement(compute_management)"
NETWORKS = ["compute_management(Management)", "storage(Storage_VLAN711)", "storage(Storage_VLAN712)"]


# --- networks of the cluster


def test_networks_of_the_cluster_and_their_view(idle: ShellNode) -> None:
    header, _, *rows = idle.table("Get-ClusterNetwork")
    assert header.split() == ["Name", "State", "Metric", "Role"]
    assert [row.split() for row in rows] == [
        [NETWORKS[0], "Up", "70000", "ClusterAndClient"],
        [NETWORKS[1], "Up", "20401", "Cluster"],
        [NETWORKS[2], "Up", "20402", "Cluster"],
    ]
    assert idle.error("Get-ClusterNetwork nope").category == "ObjectNotFound"


def test_interfaces_of_a_node_lead_to_their_networks(idle: ShellNode) -> None:
    """As the guide on merged storage networks finds them [T]."""
    script = """
    $guids = Get-NetAdapter 'ethernet 3','ethernet 4' | % { $_.InterfaceGuid.ToString().ToLowerInvariant() }
    [String[]] $names = Get-ClusterNetworkInterface -Node $env:COMPUTERNAME |
        ? { "{$($_.AdapterId)}" -in $guids } | % { $_.Network }
    $names
    ((Get-ClusterNetwork -Name $names).Id | Select-Object -Unique).Count
    """
    environment = ShellNode(idle.model, "NODE01", environment={"COMPUTERNAME": "NODE01"})
    assert environment.text(script) == f"{NETWORKS[1]}\n{NETWORKS[2]}\n2"
    assert len(idle.objects("Get-ClusterNetwork | Get-ClusterNetworkInterface")) == 12
    assert len(idle.objects("Get-ClusterNode NODE02 | Get-ClusterNetworkInterface")) == 3
    assert idle.text("(Get-ClusterNetworkInterface -Network 'storage*711*' -Node NODE02).Address") == "10.71.1.11"


def test_storage_networks_with_a_subnet_in_common_merge(node: ShellNode) -> None:
    node.run("New-NetIPAddress -InterfaceAlias 'ethernet 3' -IPAddress 10.71.2.99 -PrefixLength 24")
    merged = node.objects("Get-ClusterNetwork")[1]
    assert merged.get("Ipv4Addresses") == ["10.71.1.0", "10.71.2.0"]
    node.run("Remove-NetIPAddress -IPAddress 10.71.2.99 -Confirm:$false")
    assert node.text("Get-ClusterNetwork | % Name").split("\n") == NETWORKS


def test_states_of_networks_follow_the_nodes(node: ShellNode) -> None:
    node.model.isolate("NODE03")
    assert node.text("Get-ClusterNetwork | % State") == "Up\nPartitioned\nPartitioned"
    assert set(node.text("Get-ClusterNetworkInterface -Node NODE03 | % State").split()) == {"Up", "Unreachable"}
    node.model.power_off("NODE04")
    node.model.run_until(node.model.now_ns + 60 * S, lambda event: False)
    assert set(node.text("Get-ClusterNetworkInterface -Node NODE04 | % State").split()) == {"Unavailable"}
    assert node.text("Get-ClusterNetwork | % State | select -Unique") == "Up"


def test_without_naming_networks_have_numbers(node: ShellNode) -> None:
    node.run("Set-NetIntent -GlobalClusterOverrides (New-NetIntentGlobalClusterOverrides -EnableNetworkNaming $false)")
    assert node.text("Get-ClusterNetwork | % Name") == "Cluster Network 1\nCluster Network 2\nCluster Network 3"


# --- neighbours, listeners, SMB


def test_neighbours_have_the_addresses_of_their_adapters(node: ShellNode) -> None:
    other = ShellNode(node.model, "NODE02")
    mac = other.text("(Get-NetAdapter 'ethernet 3').MacAddress")
    assert node.text("(Get-NetNeighbor -IPAddress 10.71.1.11).LinkLayerAddress") == mac
    assert mac.lower() in node.text("arp -a 10.71.1.11")
    assert node.error("Get-NetNeighbor -IPAddress 192.168.200.77").category == "ObjectNotFound"
    node.model.power_off("NODE02")
    assert node.text("Get-NetNeighbor -State Unreachable | % IPAddress | sort").split()[0] == "10.71.1.11"


def test_listeners_follow_the_services(node: ShellNode) -> None:
    assert node.text("Get-NetTCPConnection -State Listen | ? LocalPort -eq 5985 | % OwningProcess") == "4"
    pid = node.text("(Get-Process clussvc).Id")
    assert node.text("(Get-NetTCPConnection -LocalPort 3343).OwningProcess") == pid
    owner = ShellNode(node.model, node.model.owner_of())
    assert owner.text("(Get-NetTCPConnection -LocalPort 4900).State") == "Listen"
    assert node.error("Get-NetTCPConnection -RemotePort 6640").category == "ObjectNotFound"


def test_storage_has_its_paths_and_shares_have_none(node: ShellNode) -> None:
    assert node.objects("Get-SmbMultichannelConnection") == []
    rows = node.objects("Get-SmbMultichannelConnection -SmbInstance SBL -ServerName NODE02")
    assert [(row.get("ClientIpAddress"), row.get("ServerIpAddress")) for row in rows] == [
        ("10.71.1.10", "10.71.1.11"),
        ("10.71.2.10", "10.71.2.11"),
    ]
    node.run("Disable-NetAdapter 'ethernet 3' -Confirm:$false")
    assert node.text(
        "Get-SmbMultichannelConnection -SmbInstance CSV | % ClientInterfaceFriendlyName | select -Unique"
    ) == ("ethernet 4")
    assert node.text("Get-SmbClientNetworkInterface | ? RdmaCapable | % FriendlyName") == "ethernet 4"
    assert node.text("(Get-SmbServerNetworkInterface | ? IpAddress -eq 192.168.200.10).FriendlyName") == MANAGEMENT


# --- WinRM and HTTP


def test_winrm_of_another_node(node: ShellNode) -> None:
    assert node.text("(Test-WSMan -ComputerName NODE02).ProductVersion") == "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    version = node.text("(Test-WSMan -Authentication Default).ProductVersion")
    assert version == f"OS: {node.node.os_build.version.rpartition('.')[0]} SP: 0.0 Stack: 3.0"
    assert 'Code="5"' in node.error("Test-WSMan NODE02 -Authentication Default").message
    node.model.power_off("NODE02")
    error = node.error("Test-WSMan NODE02")
    assert error.full_id == "WsManError,Microsoft.WSMan.Management.TestWSManCommand"
    assert 'Code="2150859046"' in error.message
    assert 'Code="2150859193"' in node.error("Test-WSMan nope").message


@pytest.mark.parametrize(
    ("script", "text", "status"),
    [
        ("http://NODE02:5985/wsman", "The remote server returned an error: (405) Method Not Allowed.", "ProtocolError"),
        ("http://NODE02:5985/", "The remote server returned an error: (404) Not Found.", "ProtocolError"),
        ("https://nope.lab.local", "The remote name could not be resolved: 'nope.lab.local'", "NameResolutionFailure"),
        ("https://192.168.200.99", "Unable to connect to the remote server", "ConnectFailure"),
        ("https://192.168.200.99 -TimeoutSec 5", "The operation has timed out.", "Timeout"),
    ],
)
def test_requests_that_fail(node: ShellNode, script: str, text: str, status: str) -> None:
    error = node.error(f"Invoke-WebRequest -UseBasicParsing -Uri {script}")
    assert error.message == text
    assert error.full_id == "WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand"
    assert error.exception.type_name == "System.Net.WebException"
    assert str(error.exception.properties["Status"]) == status


def test_a_script_reads_the_status_of_a_failed_request(node: ShellNode) -> None:
    script = "try { iwr http://NODE02:5985 -UseBasicParsing } catch { [int]$_.Exception.Response.StatusCode }"
    assert node.text(script) == "404"


def test_a_cache_of_the_update_service_is_cleared(node: ShellNode) -> None:
    """As the guide on updates that fail at once does it [T]."""
    owner = node.model.owner_of()
    url = f"https://{owner}.lab.local:4900/caches/ActionPlanInstance"
    script = f"Invoke-WebRequest -Certificate 'x' -UseBasicParsing -Uri '{url}' -Method Delete"
    assert node.text(f"({script}).StatusCode") == "200"
    assert node.text(f"({script}).BaseResponse.ResponseUri.AbsoluteUri").lower() == url.lower()
    assert node.error(script.replace("-Certificate 'x' ", "")).message.startswith("twin limitation: ")
    other = next(name for name in node.model.nodes if name != owner)
    error = node.error(script.replace(owner, other))
    assert error.message == "Unable to connect to the remote server"


@pytest.mark.parametrize("url", ["https://management.azure.com", "https://NODE02", "ftp://NODE02"])
def test_requests_that_are_not_simulated_say_so(idle: ShellNode, url: str) -> None:
    assert idle.error(f"Invoke-RestMethod {url}").message.startswith("twin limitation: ")


# --- programs


def _program(node: ShellNode, line: str) -> tuple[str, list[ErrorRecord]]:
    out, errors, _ = node.run(line)
    return "\n".join(str(item) for item in out), errors


def test_names_are_looked_up(node: ShellNode) -> None:
    lines = node.text("nslookup NODE02").split("\n")
    assert lines[:2] == ["Server:  dc01.lab.local", "Address:  192.168.200.5"]
    assert lines[3:5] == ["Name:    NODE02.lab.local", "Address:  192.168.200.11"]
    assert "node03.lab.local" in node.text("nslookup 192.168.200.12 dc01.lab.local")
    _, errors = _program(node, "nslookup nope")
    assert errors[0].message == "*** dc01.lab.local can't find nope: Non-existent domain"
    assert "timed-out" in node.text("nslookup NODE02 192.168.200.77")
    node.run(f"Set-DnsClientServerAddress -InterfaceAlias '{MANAGEMENT}' -ServerAddresses 192.168.200.77")
    before = node.model.now_ns
    assert "timed-out" in node.text("nslookup NODE02")
    assert node.model.now_ns - before == 12 * S


def test_routes_are_printed(idle: ShellNode) -> None:
    lines = idle.text("route print -4").split("\n")
    assert "          0.0.0.0          0.0.0.0    192.168.200.1   192.168.200.10    271" in lines
    assert any(line.startswith("  8...") and line.endswith("Hyper-V Virtual Ethernet Adapter") for line in lines)
    _, errors = _program(idle, "route add 10.0.0.0 mask 255.0.0.0 10.71.1.1")
    assert "twin limitation" in errors[0].message


def test_traces_have_one_hop(node: ShellNode) -> None:
    assert "  1    <1 ms    <1 ms    <1 ms  node02.lab.local [192.168.200.11] " in node.text("tracert NODE02").split(
        "\n"
    )
    assert "<1 ms  192.168.200.11 " in node.text("tracert -d NODE02")
    assert node.text("(Test-NetConnection NODE02 -TraceRoute).TraceRoute") == "192.168.200.11"
    assert node.table("Test-NetConnection NODE02 -TraceRoute")[-1].endswith(": 192.168.200.11")
    node.model.power_off("NODE02")
    assert "reports: Destination host unreachable." in node.text("tracert NODE02")


def test_macs_of_the_machine(node: ShellNode) -> None:
    macs = node.text("Get-NetAdapter | % MacAddress").split()
    assert [line.split()[0] for line in node.text("getmac").split("\n")[3:]] == macs
    node.run("Disable-NetAdapter 'ethernet 3' -Confirm:$false")
    assert len(node.text("getmac /v").split("\n")) == len(macs) + 2


def test_ports_that_listen_are_listed(node: ShellNode) -> None:
    pid = node.text("(Get-Process clussvc).Id")
    line = node.text("netstat -ano | Select-String ':3343' | select -First 1").strip()
    assert line.split() == ["TCP", "0.0.0.0:3343", "0.0.0.0:0", "LISTENING", pid]
    assert "PID" not in node.text("netstat -an")
    _, errors = _program(node, "netstat -s")
    assert "twin limitation" in errors[0].message
