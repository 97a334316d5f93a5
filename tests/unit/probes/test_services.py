"""What may be probed, and which times fit together."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from harness.clock import NS_PER_MS, NS_PER_S
from harness.errors import ConfigError
from harness.probes.services import TIMINGS, Service, Timing, check_timing, service_from_url
from harness.values import Signal


def test_the_url_tells_everything() -> None:
    service = service_from_url("vm01", "http://10.0.0.5:8080/health?deep=1", Signal.HTTP_REUSED, method="HEAD")
    assert service == Service("vm01", Signal.HTTP_REUSED, "10.0.0.5", 8080, "/health?deep=1", "HEAD")
    assert service.endpoint() == (socket.AF_INET, ("10.0.0.5", 8080))
    request = service.request()
    assert request.startswith(b"HEAD /health?deep=1 HTTP/1.1\r\nHost: 10.0.0.5:8080\r\n")
    assert b"Connection: keep-alive\r\n" in request


def test_an_ipv6_address_stands_in_brackets() -> None:
    service = service_from_url("vm01", "http://[fd00::5]/")
    assert service.endpoint()[0] == socket.AF_INET6
    assert b"\r\nHost: [fd00::5]\r\n" in service.request()
    assert b"\r\nHost: [fd00::5]:81\r\n" in Service("vm01", Signal.HTTP, "fd00::5", 81).request()


def test_a_tcp_probe_sends_nothing() -> None:
    assert Service("vm01", Signal.TCP, "10.0.0.5", 445).request() == b""


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://10.0.0.5/", "TLS"),
        ("ftp://10.0.0.5/", "http://"),
        ("http://web01/", "no IPv4 or IPv6 address"),
        ("http://10.0.0.5:99999/", "no usable URL"),
        ("http://10.0.0.5:0x50/", "no usable URL"),
        ("http://me:geheim@10.0.0.5/", "user name or password"),
        ("https://me:geheim@10.0.0.5:x/", "no usable URL"),
    ],
)
def test_urls_that_are_refused(url: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        service_from_url("vm01", url)
    assert "vm01" in str(caught.value)
    assert caught.value.hint
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"vm": ""}, "belongs to a guest"),
        ({"signal": Signal.ICMP}, "none of tcp, http, http-reused"),
        ({"address": "127.1"}, "no IPv4 or IPv6 address"),
        ({"port": 0}, "not between"),
        ({"method": "POST"}, "none of GET, HEAD"),
        ({"path": "health"}, "does not begin with /"),
        ({"path": "/a HTTP/1.1\r\nX: y"}, "blanks"),
        ({"path": "/a\n"}, "blanks"),
        ({"host": "a\r\nX: y"}, "no host name"),
    ],
)
def test_services_that_are_refused(change: dict[str, Any], what: str) -> None:
    fields: dict[str, Any] = {"vm": "vm01", "signal": Signal.HTTP, "address": "10.0.0.5", "port": 80}
    with pytest.raises(ConfigError, match=what):
        Service(**fields | change)


@pytest.mark.parametrize(
    "times",
    [
        (0, 100 * NS_PER_MS, NS_PER_S),
        (NS_PER_S, 10 * NS_PER_MS, NS_PER_S),
        (NS_PER_S, 2 * NS_PER_S, NS_PER_S),
        (NS_PER_S, 100 * NS_PER_MS, NS_PER_S, 2 * NS_PER_S),
        (NS_PER_S, 100 * NS_PER_MS, NS_PER_S, 1),
    ],
)
def test_times_that_do_not_fit_together(times: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError):
        Timing(*times)


def test_a_tcp_probe_ends_before_its_syn_is_sent_again() -> None:
    with pytest.raises(ConfigError, match="kernel asks again"):
        check_timing(Signal.TCP, Timing(100 * NS_PER_MS, 100 * NS_PER_MS, NS_PER_S))
    with pytest.raises(ConfigError, match="knows no burst"):
        check_timing(Signal.HTTP, Timing(NS_PER_S, NS_PER_S, NS_PER_S, 10 * NS_PER_MS))
    for signal, timing in TIMINGS.items():
        check_timing(signal, timing)
