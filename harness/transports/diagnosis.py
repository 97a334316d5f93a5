"""What an exception of the WinRM client means.

Apart from `trouble`, which everybody reads: this module loads the client's libraries, a third of a second.
"""

from __future__ import annotations

import re
import ssl
import struct
import xml.etree.ElementTree as ET
from typing import Final

import requests
import spnego.exceptions
import urllib3.exceptions
from winrm.exceptions import (
    AuthenticationError,
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from harness.transports.credssp_client import (
    AuthenticationException,
    NTStatusException,
    read_status,
)
from harness.transports.trouble import Diagnosis, NotOfferedError, StaleChannelError, Trouble

CLIENT_ERRORS: Final[tuple[type[Exception], ...]] = (
    WinRMError,
    WinRMTransportError,
    WinRMOperationTimeoutError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    spnego.exceptions.SpnegoError,
    NotOfferedError,
    StaleChannelError,
    AuthenticationException,
    NTStatusException,
    ET.ParseError,
    struct.error,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    StopIteration,
)
"""All that pywinrm 0.5 and what it stands on were seen to raise, bare KeyError and AssertionError included."""

_FAULTS: Final[dict[int, tuple[Trouble, str, bool]]] = {
    5: (Trouble.ACCESS_DENIED, "access denied: the account may not use remote management", False),
    995: (Trouble.RESET, "the operation was aborted by the node", True),
    2147942402: (Trouble.PROTOCOL, "the program was not found", False),
    2147943418: (Trouble.UNAVAILABLE, "the user profile is being unloaded", False),
    2150858793: (Trouble.OPERATION_TIMEOUT, "the operation did not complete within its operation timeout", True),
    2150858815: (Trouble.QUOTA, "a quota limit was reached", False),
    2150858843: (Trouble.SHELL_GONE, "the shell or command does not exist on the node", False),
    2150859173: (Trouble.QUOTA, "the account has too many shells open", False),
    2150859174: (Trouble.QUOTA, "the account has too many operations", False),
}
"""Fault numbers ([D] MS-WSMV, WinRM error constants): trouble, words, may the request have had an effect."""

_UNKNOWN_ISSUER: Final = "its certificate was not issued by the authority that the lab file or the lab names"
_CERTIFICATE_TROUBLES: Final[dict[int, str]] = {
    9: "its certificate is not valid yet: compare the clocks",
    10: "its certificate has expired",
    **dict.fromkeys((18, 19, 20, 21), _UNKNOWN_ISSUER),
    62: "its certificate is made out to another name than the one it was addressed by",
    64: "its certificate is made out to another address than the one it was addressed by",
}
"""What the verify codes of OpenSSL mean (x509_vfy.h)."""
_TLS_ERRORS: Final = (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError)
_TLS_ENDS: Final = (ssl.SSLZeroReturnError, ssl.SSLEOFError)
"""The node hung up, with or without a word."""

_CONNECT_ERRORS: Final = (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError)
_QUOTA_RANGES: Final = (range(2150859173, 2150859181), range(2150859236, 2150859243))
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def classify(error: Exception) -> Diagnosis:
    """What `error`, raised by the WinRM client while one request was under way, means.

    A 401 becomes UNAUTHORIZED here; whether the credential is wrong or the node only booting is decided by the caller.
    """
    if isinstance(error, WinRMOperationTimeoutError):
        return _diagnose_fault(2150858793, "")
    if isinstance(error, WSManFaultError):
        number = error.wsman_fault_code if error.wsman_fault_code is not None else error.wmierror_code
        return _diagnose_fault(number, error.reason)
    if isinstance(error, AuthenticationError):
        return Diagnosis(Trouble.UNAUTHORIZED, "the node answered 401 (unauthorized)", delivered=False)
    if isinstance(error, StaleChannelError):
        return Diagnosis(Trouble.PROTOCOL, "the node closed the connection meanwhile", delivered=False, stale=True)
    if isinstance(error, NotOfferedError):
        return Diagnosis(Trouble.NOT_OFFERED, str(error), delivered=False)
    if isinstance(error, (NTStatusException, AuthenticationException)):
        status = read_status(error)
        if status is not None:
            return Diagnosis(Trouble.UNAUTHORIZED, f"the node refused the log-on (status {status:#010x})", False)
        return Diagnosis(Trouble.PROTOCOL, "the CredSSP log-on broke off", delivered=False)
    if isinstance(error, WinRMTransportError):
        return _diagnose_status(error.code)
    if isinstance(error, (OSError, urllib3.exceptions.HTTPError)):
        return _diagnose_socket(error)
    if isinstance(error, WinRMError):
        return Diagnosis(Trouble.PROTOCOL, str(error), delivered=True, stale=True)
    return Diagnosis(Trouble.PROTOCOL, f"the answer could not be understood ({type(error).__name__})", True, stale=True)


def _why_untrusted(code: int) -> str:
    if code in _CERTIFICATE_TROUBLES:
        return _CERTIFICATE_TROUBLES[code]
    return f"its certificate is not accepted (OpenSSL verify code {code})"


def _diagnose_fault(number: int | None, reason: str) -> Diagnosis:
    if number in _FAULTS:
        trouble, detail, delivered = _FAULTS[number]
        return Diagnosis(trouble, f"{detail} (fault {number})", delivered)
    text = _GUID.sub("<id>", reason.strip())
    if number is not None and any(number in numbers for numbers in _QUOTA_RANGES):
        return Diagnosis(Trouble.QUOTA, f"{text} (fault {number})", delivered=False)
    return Diagnosis(Trouble.PROTOCOL, f"{text} (fault {number})", delivered=False)


def _diagnose_status(status: int) -> Diagnosis:
    if status == 400:
        # The node could not read the sealed message: this connection was opened anew behind our back.
        return Diagnosis(Trouble.PROTOCOL, "the node could not decrypt the message (HTTP 400)", False, stale=True)
    if status in (404, 503):
        return Diagnosis(Trouble.UNAVAILABLE, f"HTTP {status}: the WinRM service does not serve yet", delivered=False)
    return Diagnosis(Trouble.PROTOCOL, f"HTTP status {status}", delivered=status >= 500)


def _diagnose_socket(error: Exception) -> Diagnosis:
    causes = _causes(error)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Diagnosis(Trouble.REFUSED, "the connection was refused", delivered=False)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Diagnosis(Trouble.UNTRUSTED, _why_untrusted(cause.verify_code), delivered=False)
    slow = any(isinstance(cause, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)) for cause in causes)
    # Before the timeouts: urllib3 derives its error for every failed connect from the one for a connect timeout.
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return Diagnosis(Trouble.REFUSED, "the node cannot be reached", delivered=False)
    if any(isinstance(cause, _CONNECT_ERRORS) for cause in causes):
        if slow:
            return Diagnosis(Trouble.TIMEOUT, "no connection within the connect timeout", delivered=False)
        return Diagnosis(Trouble.REFUSED, "the node cannot be reached", delivered=False)
    if slow:
        return Diagnosis(Trouble.TIMEOUT, "no answer within the read timeout", True, stale=True)
    hung_up = any(isinstance(cause, _TLS_ENDS) for cause in causes)
    if not hung_up and any(isinstance(cause, _TLS_ERRORS) for cause in causes):
        return Diagnosis(Trouble.PROTOCOL, "TLS could not be set up: does this port speak it?", delivered=False)
    if any(isinstance(cause, PermissionError) for cause in causes):
        return Diagnosis(Trouble.UNAVAILABLE, "the node broke off the log-on", delivered=False, stale=True)
    return Diagnosis(Trouble.RESET, "the connection was closed by the node", True, stale=True)


def _causes(error: BaseException) -> list[BaseException]:
    """`error` and all it wraps: causes, contexts, and the exceptions that requests and urllib3 keep as arguments."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or any(one is known for known in found):
            continue
        found.append(one)
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
