"""WS-Management envelopes: reading requests by namespace, building replies ([D] MS-WSMV 2.2; [C]).

Prefixes are free in requests. Replies use the prefixes a Windows host uses, because clients compare some values
(`w:TimedOut`) as text.
"""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from harness.twin.wire import faults

S: Final = "{http://www.w3.org/2003/05/soap-envelope}"
A: Final = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
W: Final = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
RSP_URI: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
RSP: Final = f"{{{RSP_URI}}}"
WSMID: Final = "{http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd}"

TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
CMD_SHELL: Final = f"{RSP_URI}/cmd"
CONFIG: Final = "http://schemas.microsoft.com/wbem/wsman/1/config"
ANONYMOUS: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
FAULT_ACTION: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT_ACTION: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"

_ENVELOPE_HEAD = (
    '<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    f' xmlns:rsp="{RSP_URI}" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>'
)
_FAULT_ENVELOPE_HEAD = (
    '<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"'
    ' xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing"'
    ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>'
)

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?", re.ASCII
)


class MalformedEnvelopeError(Exception):
    """Bytes that are no SOAP envelope at all."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request. `message_id` is kept as sent: replies echo it byte for byte.

    `timeout_s` is None when the client sent no OperationTimeout. `body` is the first element of the SOAP body.
    """

    action: str
    message_id: str
    resource: str
    timeout_s: float | None
    max_envelope_bytes: int
    selectors: Mapping[str, str]
    options: Mapping[str, str]
    body: ElementTree.Element | None = field(compare=False, default=None)

    @property
    def is_identify(self) -> bool:
        """Whether this is the header-less Identify request."""
        return self.body is not None and self.body.tag == f"{WSMID}Identify"


def parse_duration_s(text: str) -> float:
    """Convert an xs:duration like `PT20S` or `P0DT0H1M30.000S` to seconds. Raises ValueError; months do not occur."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or match.group("d", "h", "m", "s") == (None, None, None, None):
        raise ValueError(f"'{text}' is no duration")
    days, hours, minutes, seconds = (float(value or 0) for value in match.group("d", "h", "m", "s"))
    total_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return -total_s if match["sign"] else total_s


def parse_envelope(data: bytes) -> Envelope:
    """Read a request envelope.

    Raises MalformedEnvelopeError for what is no envelope, `faults.WsManFaultError` for a header that is not valid.
    """
    if b"<!" in data[:1024]:
        raise MalformedEnvelopeError("document type declarations are not accepted")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - no DTD gets here, so no entities either
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MalformedEnvelopeError(f"no XML: {error}") from error
    if root.tag != f"{S}Envelope":
        raise MalformedEnvelopeError(f"root element '{root.tag[:80]}' is no SOAP 1.2 envelope")
    header, body = root.find(f"{S}Header"), root.find(f"{S}Body")
    texts: dict[str, str] = {}
    selectors: dict[str, str] = {}
    options: dict[str, str] = {}
    for element in header if header is not None else ():
        if element.tag == f"{W}SelectorSet":
            selectors.update((child.get("Name", ""), child.text or "") for child in element)
        elif element.tag == f"{W}OptionSet":
            options.update((child.get("Name", ""), child.text or "") for child in element)
        else:
            texts[element.tag] = element.text or ""
    message_id = texts.get(f"{A}MessageID", "")
    return Envelope(
        action=texts.get(f"{A}Action", "").strip(),
        message_id=message_id,
        resource=texts.get(f"{W}ResourceURI", "").strip(),
        timeout_s=_read_timeout_s(texts.get(f"{W}OperationTimeout"), message_id),
        max_envelope_bytes=_read_size(texts.get(f"{W}MaxEnvelopeSize"), message_id),
        selectors=selectors,
        options=options,
        body=body[0] if body is not None and len(body) else None,
    )


def _read_timeout_s(text: str | None, message_id: str) -> float | None:
    if text is None:
        return None
    try:
        timeout_s = parse_duration_s(text)
    except ValueError as error:
        raise faults.WsManFaultError(faults.INVALID_HEADER, message_id=message_id) from error
    if timeout_s < 0:
        raise faults.WsManFaultError(faults.INVALID_HEADER, message_id=message_id)
    return timeout_s


def _read_size(text: str | None, message_id: str) -> int:
    """[D] MS-WSMV: 153600 bytes is the envelope size a client gets when it names none."""
    if text is None:
        return 153_600
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise faults.WsManFaultError(faults.INVALID_HEADER, message_id=message_id)
    return int(text)


_RANDOM: Final = random.Random()


def new_guid() -> str:
    """A random GUID (version 4) in the upper case Windows uses; it names things and keeps no secret.

    Written out, since uuid.uuid4() takes many times as long, most of it for random bytes from the operating system.
    """
    digits = f"{_RANDOM.getrandbits(128):032X}"
    variant = "89AB"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class ReplyBuilder:
    """Builds reply envelopes; `new_id` yields the GUIDs of message and activity ids."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def build(self, request: Envelope, body: str) -> bytes:
        """The reply to `request`: its action with `Response` appended, around `body`."""
        return self._pack(_ENVELOPE_HEAD, f"{request.action}Response", request.message_id, body)

    def build_fault(self, fault: faults.WsManFaultError, message_id: str, machine: str) -> bytes:
        """The fault reply; `machine` is the node's name as the client addressed it."""
        action = ADDRESSING_FAULT_ACTION if fault.kind.subcode.startswith("a:") else FAULT_ACTION
        body = faults.build_body(fault, machine)
        return self._pack(_FAULT_ENVELOPE_HEAD, action, fault.message_id or message_id, body)

    def _pack(self, head: str, action: str, message_id: str, body: str) -> bytes:
        relates_to = f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo>" if message_id else ""
        return (
            f"{head}{escape(action)}</a:Action><a:MessageID>uuid:{self._new_id()}</a:MessageID>"
            f"<p:ActivityId>{self._new_id()}</p:ActivityId><a:To>{ANONYMOUS}</a:To>{relates_to}"
            f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        ).encode()


def build_identify(os_version: str) -> bytes:
    """The IdentifyResponse; a caller without log-on gets `0.0.0` as OS version ([D] MS-WSMV, Identify)."""
    return (
        '<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
        '<wsmid:IdentifyResponse xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd">'
        "<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>OS: {escape(os_version)} SP: 0.0 Stack: 3.0</wsmid:ProductVersion>"
        "</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()
