"""Probe files: what is read, and that mistakes are named with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.plan.problem import SourceError
from harness.probes.target_file import load_probe_file
from harness.values import Signal

GOOD = """\
schema: 1
name: rack7
interval: 50ms
heartbeats: {port: 9514, interval: 20ms}
control:
  - {name: switch1, address: 10.0.0.1}
guests:
  - {name: web01, address: 10.0.0.11, node: NODE01, class: web, tcp: 443, http: "http://10.0.0.11/health"}
  - {name: db01, address: 10.0.0.12, udp: 7, heartbeat: true, icmp: false, http_reused: "http://10.0.0.12:8080/"}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "guests.yaml"
    path.write_text(text)
    return path


def test_guests_and_their_signals(tmp_path: Path) -> None:
    file = load_probe_file(written(tmp_path, GOOD))
    web, database = file.guests
    assert file.interval_ns == 50_000_000
    assert (web.vm_class, web.node) == ("web", "NODE01")
    assert web.signals == (Signal.ICMP, Signal.TCP, Signal.HTTP)
    assert database.signals == (Signal.UDP, Signal.HTTP_REUSED, Signal.HEARTBEAT)
    target = web.target()
    assert target is not None
    assert [(each.signal, each.port) for each in target.signals] == [(Signal.ICMP, 0), (Signal.TCP, 443)]
    assert [(each.signal, each.port) for each in database.services()] == [(Signal.HTTP_REUSED, 8080)]


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("address: 10.0.0.12", "address: db01.lab"), 9, "is no address"),
        (("address: 10.0.0.12", "address: 'fe80::1'"), 9, "IPv6"),
        (("name: db01", "name: WEB01"), 9, "already"),
        (("name: switch1", "name: canary"), 6, "the prober itself"),
        (
            ('udp: 7, heartbeat: true, icmp: false, http_reused: "http://10.0.0.12:8080/"', "icmp: false"),
            9,
            "by nothing",
        ),
        (("heartbeats: {port: 9514, interval: 20ms}\n", ""), 8, "'heartbeats'"),
        (("interval: 50ms", "interval: 3ms"), 3, "no multiple of the slot"),
        (("interval: 50ms", "interval: 1m"), 3, "late limit"),
        (("interval: 50ms", "burst: 3ms"), 3, "cannot be asked every 3000000 ns"),
        (("tcp: 443", "tcp: 70000"), 8, "65535"),
        (("tcp: 443", "tpc: 443"), 8, "tcp"),
        (("http://10.0.0.11/health", "https://10.0.0.11/"), 8, "TLS"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, change: tuple[str, str], place: int, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_probe_file(written(tmp_path, GOOD.replace(*change)))
    assert any(f":{place}:" in line and words in line for line in str(caught.value).splitlines()), str(caught.value)


def test_missing_file_is_a_mistake_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_probe_file(tmp_path / "none.yaml")
