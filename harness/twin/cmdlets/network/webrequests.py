"""``Invoke-WebRequest`` and ``Invoke-RestMethod`` over the lab's network ([D] PSD 5.1; texts [GK]).

What answers by HTTP in the lab is WinRM, which refuses everything but its own protocol, and the Update Service, whose
caches guides clear [T].  Addresses outside of the lab are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.kinds import labelled
from harness.twin.cmdlets.network.cim import networks
from harness.twin.cmdlets.network.probing import Target, UnknownHostError, find_target, ping
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.model.network import Answer, NotModelledError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.dotnet.network import Uri
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import EnumType, PSEnum, PSHashtable, PSObject
from harness.twin.shell.typesystem import ENUMS, register_enum

RESPONSE: Final = Shape(
    (
        "Microsoft.PowerShell.Commands.BasicHtmlWebResponseObject",
        "Microsoft.PowerShell.Commands.WebResponseObject",
        "System.Object",
    ),
    "StatusCode StatusDescription Content RawContent Headers Images InputFields Links RawContentLength BaseResponse",
)
BASE: Final = Shape("System.Net.HttpWebResponse", "StatusCode StatusDescription ResponseUri Method Server")
_STATUS: Final = ENUMS["system.net.httpstatuscode"]
_FAILURE: Final = register_enum(
    EnumType(
        "System.Net.WebExceptionStatus",
        {"Success": 0, "NameResolutionFailure": 1, "ConnectFailure": 2, "ProtocolError": 7, "Timeout": 14},
    )
)
"""[D] .NET, as far as these happen here."""
_WEB: Final = "System.Net.WebException"
_WORDS: Final = {404: "Not Found", 405: "Method Not Allowed"}
_SERVER: Final = "Microsoft-HTTPAPI/2.0"
_DEFAULT_TIMEOUT_S: Final = 100
"""[D] .NET's client."""
_CACHES: Final = "/caches/"
_UPDATE_PORT: Final = 4900
_WINRM: Final = (5985, 5986)
_PARAMETERS: Final = (
    Parameter("Uri", "string", position=0, mandatory=True),
    Parameter("Method", "string"),
    Parameter("UseBasicParsing", "switch"),
    Parameter("TimeoutSec", "int", minimum=0),
    Parameter("Certificate", "object"),
    Parameter("Headers", "hashtable"),
    Parameter("MaximumRedirection", "int"),
    Parameter("UseDefaultCredentials", "switch"),
    Parameter("UserAgent", "string"),
    Parameter("DisableKeepAlive", "switch"),
)


@dataclass(frozen=True, slots=True)
class _Request:
    uri: Uri
    method: str
    host: str
    port: int
    path: str
    tls: bool


@UTILITY.cmdlet("Invoke-WebRequest", *_PARAMETERS)
def web_request(call: Call) -> Iterator[object]:
    """Sends a request; what answers does so with a plain status."""
    request = _send(call)
    text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    headers = PSHashtable(
        [("Content-Length", "0")], "System.Collections.Generic.Dictionary`2[System.String,System.String]"
    )
    yield RESPONSE.make(200, "OK", "", text, headers, [], [], [], 0, _base(request, 200, "OK"))


@UTILITY.cmdlet("Invoke-RestMethod", *_PARAMETERS)
def rest_method(call: Call) -> Iterator[object]:
    """Sends a request and gives the body of the answer: an empty one."""
    _send(call)
    yield ""


def _read(call: Call) -> _Request:
    text = call.text("Uri")
    parts = urlsplit(text if "//" in text else f"http://{text}")
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise limitation(f"requests to '{text}' are not simulated")
    tls = parts.scheme.lower() == "https"
    path = parts.path or "/"
    uri = Uri(f"{parts.scheme}://{parts.netloc}{path}")
    return _Request(
        uri, call.text("Method", "GET").upper(), parts.hostname, parts.port or (443 if tls else 80), path, tls
    )


def _send(call: Call) -> _Request:
    """Connect and ask.  Raises PSError for every answer but 200."""
    request = _read(call)
    try:
        target = find_target(call, request.host)
    except UnknownHostError:
        text = f"The remote name could not be resolved: '{request.host}'"
        raise _fail(call, request, text, "NameResolutionFailure") from None
    _connect(call, request, target)
    if request.port in _WINRM and not request.tls:
        raise _answered(call, request, 405 if request.path.lower().rstrip("/") == "/wsman" else 404)
    if request.port == _UPDATE_PORT and request.tls and request.method == "DELETE" and _CACHES in request.path.lower():
        if call.get("Certificate") is None:
            raise limitation("what the Update Service says to a request without a client certificate is not simulated")
        return request
    raise limitation(f"what answers to {request.method} {request.uri} is not simulated")


def _connect(call: Call, request: _Request, target: Target) -> None:
    answer = ping(call, target)
    there = answer not in (Answer.UNREACHABLE, Answer.NO_ROUTE)
    try:
        if there and networks(call).connects(str(call.host.computer_name), target.ip, request.port):
            return
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error
    limit = call.number("TimeoutSec") or _DEFAULT_TIMEOUT_S
    cost = load_costs().wait_s("connect_refused" if there else "connect_timeout")
    call.wait(min(limit, cost))
    if limit < cost:
        raise _fail(call, request, "The operation has timed out.", "Timeout")
    raise _fail(call, request, "Unable to connect to the remote server", "ConnectFailure")


def _base(request: _Request, status: int, words: str) -> PSObject:
    return BASE.make(PSEnum(_STATUS, status), words, request.uri, request.method, _SERVER)


def _answered(call: Call, request: _Request, status: int) -> PSError:
    words = _WORDS[status]
    text = f"The remote server returned an error: ({status}) {words}."
    return _fail(call, request, text, "ProtocolError", _base(request, status, words))


def _fail(call: Call, request: _Request, text: str, status: str, response: object = None) -> PSError:
    record = call.record(text, "WebCmdletWebResponseException", "InvalidOperation", str(request.uri), _WEB)
    record.exception.properties = {"Status": labelled(_FAILURE, status), "Response": response}
    return PSError(record)
