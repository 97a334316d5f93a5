"""HTTP, SOAP and sealing at the level of bytes: raw clients, odd but legal requests, and garbage."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import threading
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
import requests
import spnego
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.twin.wire import faults, http, sealing, soap
from harness.twin.wire.commands import CommandOutput, build_receive_body
from harness.twin.wire.endpoint import Endpoint
from harness.twin.wire.server import WinRmServer
from tests.examples import examples
from tests.twin.wire.conftest import Connect
from tests.twin.wire.winrm_doubles import ScriptedBackend

NAMESPACES = (
    'xmlns:q="http://www.w3.org/2003/05/soap-envelope" xmlns:m="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:u="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    ' xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"'
)
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
BAD = "a:InvalidMessageInformationHeader"
IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:i="http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd"><s:Header/><s:Body><i:Identify/>'
    "</s:Body></s:Envelope>"
)


def build(
    action: str, body: str = "", shell_id: str = "", message_id: str = "uuid:X-1", extra: str = "", resource: str = ""
) -> bytes:
    """A request with prefixes no known client uses."""
    selectors = f'<u:SelectorSet><u:Selector Name="shellid">{shell_id}</u:Selector></u:SelectorSet>' if shell_id else ""
    return (
        f"<q:Envelope {NAMESPACES}><q:Header><m:To>http://x/</m:To><m:MessageID>{message_id}</m:MessageID>"
        f"<u:ResourceURI>{resource or soap.CMD_SHELL}</u:ResourceURI><m:Action>{action}</m:Action>"
        f"{selectors}{extra}</q:Header><q:Body>{body}</q:Body></q:Envelope>"
    ).encode()


CREATE = build(f"{soap.TRANSFER}/Create", "<r:Shell/>")


class RawClient:
    """A client made of requests and pyspnego only: SPNEGO or raw NTLM under `Negotiate`, sealing by hand."""

    def __init__(self, url: str, protocol: str = "negotiate") -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        own = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
        self.context = spnego.client("hil", "Local-Pass1", protocol=protocol, hostname="h", options=own)

    def log_on(self) -> requests.Response:
        reply = b""
        while True:
            token = base64.b64encode(self.context.step(reply or None) or b"").decode()
            response = self.http.post(self.url, headers={"Authorization": f"Negotiate {token}"}, timeout=5)
            match = re.fullmatch("Negotiate (.+)", response.headers.get("WWW-Authenticate", ""))
            reply = base64.b64decode(match[1]) if match else b""
            if response.status_code != 401 or not reply:
                break
        if reply:
            self.context.step(reply)
        assert self.context.complete
        return response

    def post(self, message: bytes, damage: Callable[[bytes], bytes] = bytes) -> tuple[int, bytes]:
        wrapped = self.context.wrap_winrm(message)
        head = (
            "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(message)}\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        )
        sealed = len(wrapped.header).to_bytes(4, "little") + wrapped.header + wrapped.data
        response = self.http.post(
            self.url,
            data=head.encode() + damage(sealed) + b"--Encrypted Boundary--\r\n",
            headers={
                "Content-Type": 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
                'boundary="Encrypted Boundary"'
            },
            timeout=5,
        )
        if not response.content:
            return response.status_code, b""
        assert response.headers["Content-Type"].startswith("multipart/encrypted;protocol=")
        start = response.content.index(b"octet-stream\r\n") + len(b"octet-stream\r\n")
        payload = response.content[start : -len(b"--Encrypted Boundary--\r\n")]
        return response.status_code, self.context.unwrap_winrm(payload[4:20], payload[20:])


def find_text(message: bytes, name: str) -> str:
    root = ElementTree.fromstring(message)  # noqa: S314 - our own server's reply
    return next(element.text or "" for element in root.iter() if element.tag.endswith("}" + name))


@pytest.fixture
def raw(endpoint: Endpoint) -> RawClient:
    client = RawClient(endpoint.url)
    client.log_on()
    return client


def test_spnego_over_http_ends_with_a_token_in_the_200_reply(endpoint: Endpoint) -> None:
    client = RawClient(endpoint.url)
    response = client.log_on()
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["WWW-Authenticate"].startswith("Negotiate ")
    assert response.headers["Server"] == "Microsoft-HTTPAPI/2.0"
    status, reply = client.post(CREATE)
    assert (status, find_text(reply, "Owner")) == (200, "hil")


def test_raw_ntlm_under_negotiate_ends_without_a_token(endpoint: Endpoint) -> None:
    client = RawClient(endpoint.url, "ntlm")
    response = client.log_on()
    assert (response.status_code, response.headers.get("WWW-Authenticate")) == (200, None)
    assert client.post(CREATE)[0] == 200


def test_ntlm_scheme_is_not_offered_and_refused(endpoint: Endpoint) -> None:
    plain = requests.post(endpoint.url, timeout=5)
    assert (plain.status_code, plain.headers["WWW-Authenticate"], plain.reason) == (401, "Negotiate", "")
    token = base64.b64encode(spnego.client("hil", "x", protocol="ntlm").step() or b"").decode()
    refused = requests.post(endpoint.url, headers={"Authorization": f"NTLM {token}"}, timeout=5)
    assert (refused.status_code, refused.headers["Connection"]) == (401, "close")


def test_message_id_is_echoed_byte_for_byte(raw: RawClient) -> None:
    for message_id in ("uuid:ABCdef-1", " uuid:with blanks ", "urn:a&amp;b&lt;c"):
        _, reply = raw.post(build(f"{soap.TRANSFER}/Create", "<r:Shell/>", message_id=message_id))
        assert f"<a:RelatesTo>{message_id}</a:RelatesTo>".encode() in reply
        _, reply = raw.post(build(f"{RSP}/Command", shell_id="none", message_id=message_id))
        assert f"<a:RelatesTo>{message_id}</a:RelatesTo>".encode() in reply


def test_identify_with_and_without_logon(endpoint: Endpoint, raw: RawClient) -> None:
    anonymous = requests.post(endpoint.url, data=IDENTIFY, headers={"WSMANIDENTIFY": "unauthenticated"}, timeout=5)
    assert anonymous.status_code == 200
    assert find_text(anonymous.content, "ProductVersion") == "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    status, reply = raw.post(IDENTIFY.encode())
    assert (status, find_text(reply, "ProductVersion")) == (200, "OS: 10.0.26100 SP: 0.0 Stack: 3.0")
    assert find_text(reply, "ProductVendor") == "Microsoft Corporation"
    smuggled = requests.post(endpoint.url, data=CREATE, headers={"WSMANIDENTIFY": "unauthenticated"}, timeout=5)
    assert smuggled.status_code == 401
    endpoint.set_os_version("10.0.26200")
    assert b"OS: 10.0.26200 SP" in raw.post(IDENTIFY.encode())[1]
    endpoint.set_state("unauthorized")
    hidden = requests.post(endpoint.url, data=IDENTIFY, headers={"WSMANIDENTIFY": "unauthenticated"}, timeout=5)
    assert hidden.status_code == 401


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda sealed: sealed[:4] + bytes([sealed[4] ^ 1]) + sealed[5:],
        lambda sealed: sealed[:-1],
        lambda sealed: b"\x11" + sealed[1:],
        lambda sealed: b"",
    ],
    ids=["data", "signature", "short", "header length", "empty"],
)
def test_wrongly_sealed_bytes_get_an_empty_400(raw: RawClient, damage: Callable[[bytes], bytes]) -> None:
    assert raw.post(CREATE, damage) == (400, b"")


def test_sealed_bytes_may_contain_the_boundary_text() -> None:
    class Xor:
        protocol, largest_part = "application/HTTP-SPNEGO-session-encrypted", 10_000

        def measure(self, body: bytes, position: int, header_size: int, plain_size: int) -> int | None:
            return header_size + plain_size

        def seal(self, data: bytes) -> tuple[bytes, bytes]:
            return bytes(16), data

        def unseal(self, header: bytes, sealed: bytes) -> bytes | None:
            return sealed

    message = b"<a>--Encrypted Boundary--\r\n--Encrypted Boundary\r\n</a>"
    content_type, body = sealing.pack_envelope(Xor(), message)
    assert sealing.is_sealed(content_type)
    assert sealing.open_envelope(Xor(), body) == message


def test_get_shell_and_config(raw: RawClient) -> None:
    shell = find_text(raw.post(CREATE)[1], "ShellId")
    status, reply = raw.post(build(f"{soap.TRANSFER}/Get", shell_id=shell, resource=RSP))
    assert (status, find_text(reply, "ShellId"), find_text(reply, "State")) == (200, shell, "Connected")
    status, reply = raw.post(build(f"{soap.TRANSFER}/Get", resource=soap.CONFIG))
    assert (status, find_text(reply, "MaxEnvelopeSizekb"), find_text(reply, "MaxShellsPerUser")) == (200, "500", "30")


def test_arguments_in_pypsrp_style_and_lower_case_ids(raw: RawClient, backend: ScriptedBackend) -> None:
    shell = find_text(raw.post(CREATE)[1], "ShellId")
    command_id = str(uuid.uuid4())
    line = f'<r:CommandLine CommandId="{command_id}"><r:Command>echo</r:Command><r:Arguments>a</r:Arguments>'
    _, reply = raw.post(build(f"{RSP}/Command", f"{line}<r:Arguments>b</r:Arguments></r:CommandLine>", shell.lower()))
    assert find_text(reply, "CommandId") == command_id.upper()
    assert backend.last.spec.command_line == "echo a b"
    receive = f'<r:Receive><r:DesiredStream CommandId="{command_id}">stdout</r:DesiredStream></r:Receive>'
    first = raw.post(build(f"{RSP}/Receive", receive, shell, "uuid:1"))[1]
    assert base64.b64decode(find_text(first, "Stream")) == b"a b\r\n"
    # The same message again: the reply may have been lost. Another one: the command has nothing more to say.
    again = raw.post(build(f"{RSP}/Receive", receive, shell, "uuid:1"))[1]
    assert re.findall(b"<rsp:.*", again) == re.findall(b"<rsp:.*", first)
    status, fault = raw.post(build(f"{RSP}/Receive", receive, shell, "uuid:2"))
    assert (status, b"command identifier that does not exist" in fault) == (500, True)


def test_a_reply_fills_the_envelope_the_client_accepts_and_no_more(raw: RawClient, backend: ScriptedBackend) -> None:
    shell = find_text(raw.post(CREATE)[1], "ShellId")
    backend.programs["big"] = lambda sink: sink.stdout(b"x" * 2_000_000)
    line = "<r:CommandLine><r:Command>big</r:Command></r:CommandLine>"
    command = find_text(raw.post(build(f"{RSP}/Command", line, shell))[1], "CommandId")
    receive = f'<r:Receive><r:DesiredStream CommandId="{command}">stdout</r:DesiredStream></r:Receive>'
    for announced, limit in (("", 153_600), ("50000", 50_000), ("9000000", 512_000)):
        extra = f"<u:MaxEnvelopeSize>{announced}</u:MaxEnvelopeSize>" if announced else ""
        _, reply = raw.post(build(f"{RSP}/Receive", receive, shell, f"uuid:{limit}", extra))
        assert limit - 3_000 < len(reply) <= limit


@given(
    writes=st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=400)), max_size=12),
    room=st.integers(120, 2_000),
)
def test_taking_output_in_any_portions_keeps_every_byte_and_ends_once(
    writes: list[tuple[str, bytes]], room: int
) -> None:
    loop = asyncio.new_event_loop()
    output = CommandOutput(loop, threading.get_ident())
    assert output.take(room) is None
    for stream, data in writes:
        getattr(output, stream)(data)
    output.exit(5)
    output.stdout(b"after the end")
    taken: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    codes: list[int | None] = [None]
    while codes[-1] is None:
        delivery = output.take(room)
        assert delivery is not None
        assert len(build_receive_body("1", delivery)) <= room + 500
        for stream, data in delivery.pieces:
            taken[stream] += data
        codes.append(delivery.exit_code)
    loop.close()
    assert taken == {name: b"".join(data for stream, data in writes if stream == name) for name in taken}
    assert (codes[-1], output.is_drained) == (5, True)


@pytest.mark.parametrize(
    ("message", "code", "subcode"),
    [
        (build(f"{RSP}/Receive", "<r:Receive><r:DesiredStream>stdout</r:DesiredStream></r:Receive>", "@"), 87, None),
        (build(f"{soap.TRANSFER}/Create", extra="<u:OperationTimeout>PT-1S</u:OperationTimeout>"), 2150858767, BAD),
        (build(f"{soap.TRANSFER}/Create", extra="<u:OperationTimeout>-PT1S</u:OperationTimeout>"), 2150858767, BAD),
        (build(f"{soap.TRANSFER}/Create", "<r:Nonsense/>"), 2150858817, "w:SchemaValidationError"),
        (b"<no xml", 2150858817, None),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 2150858817, None),
        (build(f"{RSP}/Connect", shell_id="@"), 2150858752, None),
        (build(f"{soap.TRANSFER}/Create", resource="http://schemas.microsoft.com/powershell/JEA"), 2150858752, None),
        (build(f"{soap.TRANSFER}/Create", f"<r:Shell>{'x' * 520_000}</r:Shell>"), 2150858825, "w:EncodingLimit"),
    ],
    ids=["87", "PT-1S", "-PT1S", "schema", "no xml", "dtd", "action", "resource", "large"],
)
def test_faults(raw: RawClient, message: bytes, code: int, subcode: str | None) -> None:
    shell = find_text(raw.post(CREATE)[1], "ShellId")
    status, reply = raw.post(message.replace(b">@<", f">{shell}<".encode()))
    assert (status, f'Code="{code}"'.encode() in reply) == (500, True)
    if subcode:
        assert f"<s:Value>{subcode}</s:Value>".encode() in reply
    assert raw.post(CREATE)[0] == 200


def test_every_fault_text_ends_with_a_blank_and_every_body_is_xml() -> None:
    kinds = [value for value in vars(faults).values() if isinstance(value, faults.FaultKind)]
    assert len(kinds) == 13
    for kind in kinds:
        assert kind.text.endswith(" "), kind
        fault = faults.WsManFaultError(kind, limit=1, shell_id="<x>", what="w", limit_kb=5)
        reply = soap.ReplyBuilder(soap.new_guid).build_fault(fault, "uuid:1", 'a"b')
        assert (find_text(reply, "RelatesTo"), str(kind.code) in reply.decode()) == ("uuid:1", True)


def test_new_guid_is_a_version_4_uuid_in_upper_case() -> None:
    for text in (soap.new_guid() for _ in range(50)):
        parsed = uuid.UUID(text)
        assert (str(parsed).upper(), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT20S", 20), ("PT20.000S", 20), ("PT7200.000S", 7200), ("P0DT0H0M0S", 0), ("PT1M30S", 90), ("-PT1S", -1)],
)
def test_durations(text: str, seconds: float) -> None:
    assert soap.parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "20", "PT-1S", "P1Y", "PTxS", "PT٣S"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        soap.parse_duration_s(text)


# -- HTTP


def exchange(endpoint: Endpoint, *pieces: bytes) -> bytes:
    """Send pieces over one connection and return all that comes back until the server closes."""
    with socket.create_connection(("127.77.0.11", endpoint.port), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
    return received


def test_chunked_body_split_anywhere_and_100_continue(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.77.0.11", endpoint.port), timeout=5) as connection:
        connection.sendall(
            b"POST /WSMAN/?PSVersion=5.1 HTTP/1.1\r\nHost: n\r\nWSMANIDENTIFY: unauthenticated\r\n"
            b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        half = len(IDENTIFY) // 2
        for part in (IDENTIFY[:half], IDENTIFY[half:], ""):
            for byte in f"{len(part):x}\r\n{part}\r\n".encode():
                connection.send(bytes([byte]))
        reply = connection.recv(65536)
    assert reply.startswith(b"HTTP/1.1 200 \r\n")
    assert b"IdentifyResponse" in reply


def test_pipelined_requests_are_answered_in_order(endpoint: Endpoint) -> None:
    one = b"POST /wsman HTTP/1.1\r\nHost: n\r\nContent-Length: 0\r\n\r\n"
    other = b"GET /wsman HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"
    replies = exchange(endpoint, one + one + b"POST /other HTTP/1.1\r\n\r\n" + other + one)
    assert re.findall(rb"HTTP/1.1 (\d+) \r\n", replies) == [b"401", b"401", b"404", b"405"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400"),
        (b"POST /wsman HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"A" * 20_000, b"400"),
        (b"POST /wsman HTTP/1.1\r\nAuthorization: Negotiate !!!\r\n\r\n", b"401"),
        (b"POST /wsman HTTP/1.1\r\nAuthorization: Negotiate TlRMTVNTUAAD\r\n\r\n", b"401"),
        (b"POST /wsman HTTP/1.1\r\nAuthorization:\r\n\r\n", b"401"),
    ],
)
def test_bad_requests(endpoint: Endpoint, data: bytes, status: bytes) -> None:
    assert exchange(endpoint, data).startswith(b"HTTP/1.1 " + status + b" \r\n")


@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    chunked=st.booleans(),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=20),
)
def test_requests_survive_any_segmentation(bodies: list[bytes], chunked: bool, cuts: list[int]) -> None:
    stream = b""
    for body in bodies:
        if chunked:
            coded = b"".join(b"%x;x=y\r\n%b\r\n" % (len(p), p) for p in (body[:100], body[100:]) if p) + b"0\r\n\r\n"
            stream += b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + coded
        else:
            stream += b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    reader, seen, position = http.RequestReader(), [], 0
    while position < len(stream):
        size = cuts[position % len(cuts)]
        reader.feed(stream[position : position + size])
        position += size
        while (request := reader.next_request()) is not None:
            seen.append(request.body)
    assert seen == bodies


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prefix=st.sampled_from(
        [
            b"",
            b"POST /wsman HTTP/1.1\r\n",
            b"POST /wsman HTTP/1.1\r\nContent-Length: 20\r\n\r\n",
            b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
            b"POST /wsman HTTP/1.1\r\nAuthorization: Negotiate YIIBAAYGKwYBBQUC",
            b"POST /wsman HTTP/1.1\r\nWSMANIDENTIFY: unauthenticated\r\nContent-Length: 30\r\n\r\n<",
        ]
    ),
    garbage=st.binary(max_size=400),
)
def test_garbage_never_harms_the_server(endpoint: Endpoint, prefix: bytes, garbage: bytes) -> None:
    reply = exchange(endpoint, prefix + garbage)
    assert reply == b"" or re.match(rb"HTTP/1.1 (4\d\d|200|100) ", reply)
    alive = requests.post(endpoint.url, data=IDENTIFY, headers={"WSMANIDENTIFY": "unauthenticated"}, timeout=5)
    assert alive.status_code == 200


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, len(CREATE) - 1), garbage=st.binary(min_size=1, max_size=20))
def test_sealed_garbage_is_a_fault_or_works(raw: RawClient, position: int, garbage: bytes) -> None:
    status, _ = raw.post(CREATE[:position] + garbage + CREATE[position + len(garbage) :])
    assert status in (200, 500)


def test_a_defect_in_a_backend_cuts_the_connection_only(
    server: WinRmServer, connect: Connect, backend: ScriptedBackend
) -> None:
    reports: list[dict[str, object]] = []
    server.call(lambda: server.loop.set_exception_handler(lambda _, context: reports.append(context)))

    def defect(_: object) -> None:
        raise ZeroDivisionError("defect")

    backend.programs["defect"] = defect
    client = connect()
    shell = client.open_shell()
    with pytest.raises(requests.ConnectionError):
        client.run_command(shell, "defect")
    server.call(lambda: server.loop.set_exception_handler(None))
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]
    assert connect().run_command(shell, "echo")
