"""Classification of what the WinRM client raises."""

from __future__ import annotations

import pytest
import requests
import urllib3
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from harness.transports.diagnosis import classify
from harness.transports.trouble import Trouble


def fault(code: int | None, wmi: int | None = None, reason: str = "why ") -> WSManFaultError:
    return WSManFaultError(500, "m", "r", reason, wsman_fault_code=code, wmierror_code=wmi)


@pytest.mark.parametrize(
    ("error", "trouble", "delivered"),
    [
        (fault(5), Trouble.ACCESS_DENIED, False),
        (fault(995), Trouble.RESET, True),
        (fault(2150858843), Trouble.SHELL_GONE, False),
        (fault(2150859173), Trouble.QUOTA, False),
        (fault(None, wmi=2150859174), Trouble.QUOTA, False),
        (fault(2150859241), Trouble.QUOTA, False),
        (fault(2150858817), Trouble.PROTOCOL, False),
        (WinRMOperationTimeoutError(), Trouble.OPERATION_TIMEOUT, True),
        (InvalidCredentialsError("x"), Trouble.UNAUTHORIZED, False),
        (WinRMTransportError("http", 503, ""), Trouble.UNAVAILABLE, False),
        (WinRMTransportError("http", 404, ""), Trouble.UNAVAILABLE, False),
        (WinRMTransportError("http", 400, ""), Trouble.PROTOCOL, False),
        (requests.ReadTimeout(), Trouble.TIMEOUT, True),
        (requests.ConnectTimeout(), Trouble.TIMEOUT, False),
        (
            requests.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError(104, "x"))),
            Trouble.RESET,
            True,
        ),
        (requests.exceptions.ChunkedEncodingError(), Trouble.RESET, True),
        (requests.exceptions.SSLError(), Trouble.PROTOCOL, False),
        (ConnectionRefusedError(111, "x"), Trouble.REFUSED, False),
        (KeyError("Content-Type"), Trouble.PROTOCOL, True),
    ],
)
def test_classification(error: Exception, trouble: Trouble, delivered: bool) -> None:
    found = classify(error)
    assert (found.trouble, found.delivered) == (trouble, delivered)


def test_an_unreadable_sealed_message_calls_for_a_new_connection() -> None:
    found = classify(WinRMTransportError("http", 400, ""))
    assert found.stale and not found.delivered


def test_ids_do_not_get_into_messages() -> None:
    reason = "Shell 5B8E0F3C-0000-1111-2222-333344445555 is odd "
    assert classify(fault(2150858767, reason=reason)).detail == "Shell <id> is odd (fault 2150858767)"
