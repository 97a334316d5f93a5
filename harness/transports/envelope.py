"""The WS-Management messages of a WinRS text shell ([D] MS-WSMV 3.1.4): writing requests, reading replies.

Own texts instead of pywinrm's builders, since these carry an operation timeout for each message and cost a tenth.
"""

from __future__ import annotations

import base64
import random
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_WSMAN: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_MICROSOFT: Final = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
_SHELL: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

_RANDOM: Final = random.Random()
"""For message ids: they name things and keep no secret, and random bytes of the operating system cost a call each."""

MAX_ENVELOPE_BYTES: Final = 153_600
"""What we accept in one reply; the node cuts its output accordingly."""
UTF8_CODEPAGE: Final = 65001

_TEMPLATE: Final = (
    f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}" xmlns:w="{_WSMAN}" xmlns:p="{_MICROSOFT}"'
    f' xmlns:rsp="{_SHELL}"><s:Header><a:To>%(to)s</a:To><a:ReplyTo><a:Address s:mustUnderstand="true">'
    f"{_ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>"
    f'<w:MaxEnvelopeSize s:mustUnderstand="true">{MAX_ENVELOPE_BYTES}</w:MaxEnvelopeSize>'
    '<a:MessageID>%(message_id)s</a:MessageID><w:Locale xml:lang="en-US" s:mustUnderstand="false"/>'
    '<p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/><w:OperationTimeout>PT%(timeout_s)dS</w:OperationTimeout>'
    f'<w:ResourceURI s:mustUnderstand="true">{_SHELL}/cmd</w:ResourceURI>'
    '<a:Action s:mustUnderstand="true">%(action)s</a:Action>%(extra)s</s:Header><s:Body>%(body)s</s:Body></s:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Request:
    """One message to the shell service: its action, the shell it addresses, options and body."""

    action: str
    body: str
    shell_id: str = ""
    options: Mapping[str, str] | None = None

    def render(self, to: str, timeout_s: int) -> tuple[str, str]:
        """The envelope as text and its message id."""
        message_id = f"uuid:{uuid.UUID(int=_RANDOM.getrandbits(128), version=4)}"
        extra = ""
        if self.shell_id:
            extra = f'<w:SelectorSet><w:Selector Name="ShellId">{escape(self.shell_id)}</w:Selector></w:SelectorSet>'
        if self.options:
            options = "".join(f'<w:Option Name="{name}">{text}</w:Option>' for name, text in self.options.items())
            extra += f"<w:OptionSet>{options}</w:OptionSet>"
        fields = {"to": escape(to), "message_id": message_id, "timeout_s": timeout_s, "action": self.action}
        return _TEMPLATE % {**fields, "extra": extra, "body": self.body}, message_id


def create_shell() -> Request:
    """Open a text shell with UTF-8 code page; without a profile, which is slow to load at first log-on."""
    body = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
    options = {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": str(UTF8_CODEPAGE)}
    return Request(f"{_TRANSFER}/Create", f"{body}</rsp:Shell>", options=options)


def start_command(shell_id: str, line: str) -> Request:
    """Start a command line; its standard input is a pipe, not a console."""
    body = f"<rsp:CommandLine><rsp:Command>{escape(line)}</rsp:Command></rsp:CommandLine>"
    options = {"WINRS_CONSOLEMODE_STDIN": "FALSE", "WINRS_SKIP_CMD_SHELL": "FALSE"}
    return Request(f"{_SHELL}/Command", body, shell_id, options)


def send_input(shell_id: str, command_id: str, chunk: bytes, end: bool) -> Request:
    """Write to a command's standard input; `end` closes it."""
    text = base64.b64encode(chunk).decode()
    attributes = f'Name="stdin" CommandId={quoteattr(command_id)} End="{str(end).lower()}"'
    return Request(f"{_SHELL}/Send", f"<rsp:Send><rsp:Stream {attributes}>{text}</rsp:Stream></rsp:Send>", shell_id)


def receive_output(shell_id: str, command_id: str) -> Request:
    """Ask for output: answered as soon as there is some, at the end, or at the operation timeout."""
    wanted = f"<rsp:DesiredStream CommandId={quoteattr(command_id)}>stdout stderr</rsp:DesiredStream>"
    return Request(f"{_SHELL}/Receive", f"<rsp:Receive>{wanted}</rsp:Receive>", shell_id)


def terminate_command(shell_id: str, command_id: str) -> Request:
    """End a command, or let the node forget one that has ended."""
    code = f"<rsp:Code>{_SHELL}/signal/terminate</rsp:Code>"
    return Request(f"{_SHELL}/Signal", f"<rsp:Signal CommandId={quoteattr(command_id)}>{code}</rsp:Signal>", shell_id)


def delete_shell(shell_id: str) -> Request:
    """Close a shell and end everything in it."""
    return Request(f"{_TRANSFER}/Delete", "", shell_id)


@dataclass(frozen=True, slots=True)
class Output:
    """What one Receive brought: bytes of both streams; `exit_code` is None while the command runs."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None


def read_reply(text: bytes, message_id: str) -> ET.Element:
    """The parsed reply.  Raises ValueError when it answers another message, ParseError when it is no XML."""
    root = ET.fromstring(text)  # noqa: S314 - expat is told of no external entities, and the node is authenticated
    relates_to = root.findtext(f"{{{_SOAP}}}Header/{{{_ADDRESSING}}}RelatesTo", "").strip()
    if relates_to.lower() != message_id.lower():
        raise ValueError("the reply answers another message")
    return root


def read_shell_id(reply: ET.Element) -> str:
    """The id in a reply to Create.  Raises ValueError when there is none."""
    for selector in reply.iter(f"{{{_WSMAN}}}Selector"):
        if selector.get("Name") == "ShellId" and selector.text:
            return selector.text
    raise ValueError("the reply to Create names no shell")


def read_command_id(reply: ET.Element) -> str:
    """The id in a reply to Command.  Raises ValueError when there is none."""
    for found in reply.iter(f"{{{_SHELL}}}CommandId"):
        if found.text:
            return found.text
    raise ValueError("the reply to Command names no command")


def read_output(reply: ET.Element) -> Output:
    """The output in a reply to Receive.  Raises ValueError on broken base64 or exit code."""
    streams: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    for stream in reply.iter(f"{{{_SHELL}}}Stream"):
        if stream.text:
            streams.setdefault(stream.get("Name", ""), []).append(base64.b64decode(stream.text))
    exit_code: int | None = None
    for state in reply.iter(f"{{{_SHELL}}}CommandState"):
        if state.get("State", "").endswith("/CommandState/Done"):
            exit_code = int(state.findtext(f"{{{_SHELL}}}ExitCode", "-1"))
    return Output(b"".join(streams["stdout"]), b"".join(streams["stderr"]), exit_code)


def read_nothing(reply: ET.Element) -> None:
    """For replies that only confirm."""
