"""The console of a PowerShell process whose streams are redirected."""

from __future__ import annotations

from dataclasses import replace

from harness.twin.shell.clixml import Serializer, document, escaped
from harness.twin.shell.errors import ErrorRecord
from harness.twin.shell.errortext import category_text, error_lines
from harness.twin.shell.formatting.renderer import Renderer
from harness.twin.shell.frame import Streams
from harness.twin.shell.host import ShellHost, Writer
from harness.twin.shell.objects import PSObject
from harness.twin.shell.records import HostText, InformationRecord, MessageRecord, ProgressRecord
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.text import to_text

_RECORD_DEPTH = 2
"""How deep records of the streams are written [measured]."""
_LABELS = {"warning": "WARNING", "verbose": "VERBOSE", "debug": "DEBUG"}


class Console:
    """Shows output as text on stdout, errors on stderr: as text, or as one CLIXML document (``-EncodedCommand``)."""

    def __init__(
        self,
        host: ShellHost,
        stdout: Writer,
        stderr: Writer,
        width: int,
        clixml: bool,
        output_xml: bool,
        encoding: str = "utf-8",
    ) -> None:
        self.encoding = encoding
        self._stdout = stdout
        self._stderr = stderr
        self.width = width
        self.clixml = clixml or output_xml
        self.output_xml = output_xml
        self.elements: list[str] = []
        self.output_elements: list[str] = []
        streams = Streams(
            self._on_error,
            self._on_message,
            self._on_message,
            self._on_message,
            self._on_information,
            self._on_progress,
        )
        self.runspace = Runspace(host, streams)
        self.runspace.width = width
        self.serializer = Serializer(self.runspace, 1)
        self.renderer = Renderer(self.runspace, self.write, width - 1, wrap_text=False)
        self.runspace.host_write = self.write

    # ---------------------------------------------------------------------------------------------------- output

    def write(self, text: str) -> None:
        """Text to stdout."""
        if text:
            for transcript in self.runspace.transcripts:
                transcript.add(text)
            self._stdout(text.replace("\r\n", "\n").replace("\n", "\r\n").encode(self.encoding, "replace"))

    def feed(self, item: object) -> None:
        """An object of the script's output."""
        if self.output_xml:
            self.output_elements.append(self.serializer.write(item, stream="Output"))
        else:
            self.renderer.feed(item)

    def finish_output(self) -> None:
        """Close an open table or list: the statement is over."""
        self.renderer.finish()

    def _on_information(self, record: object) -> None:
        if not isinstance(record, InformationRecord):
            return
        if record.shown:
            data = record.data
            text = data.message if isinstance(data, HostText) else to_text(data)
            newline = "" if isinstance(data, HostText) and data.no_newline else "\n"
            if self.output_xml:
                self.output_elements += [f'<S S="Output">{escaped(one)}</S>' for one in (text, newline) if one]
            else:
                self.write(text + newline)
        if self.clixml:
            self.elements.append(
                self.serializer.write(self._information(record), stream="information", depth=_RECORD_DEPTH)
            )

    def _information(self, record: InformationRecord) -> InformationRecord:
        """The record as it is written: with its source, and a text of ``Write-Host`` as an object of its own."""
        data = record.data
        if not isinstance(data, HostText):
            return replace(record, source=record.source or "Write-Information")
        message = PSObject.of_type(
            "System.Management.Automation.HostInformationMessage",
            {
                "Message": data.message,
                "NoNewLine": data.no_newline,
                "ForegroundColor": data.foreground or "-1",
                "BackgroundColor": data.background or "-1",
            },
            text=data.message,
        )
        return replace(record, data=message, source=record.source or "Write-Host")

    def _on_message(self, record: object) -> None:
        if not isinstance(record, MessageRecord):
            return
        if self.clixml:
            self.elements.append(f'<S S="{record.stream}">{escaped(record.message)}</S>')
            return
        line = f"{_LABELS[record.stream]}: {record.message}"
        self.write("".join(f"{one}\n" for one in _pieces(line, self.width - 1)))

    def _on_progress(self, record: object) -> None:
        if self.clixml and isinstance(record, ProgressRecord):
            body = self.serializer.write(record)
            names = self.serializer._type_names(("System.Management.Automation.PSCustomObject", "System.Object"))
            number = self.serializer._number(record)
            self.elements.append(
                f'<Obj S="progress" RefId="{number}">{names}<MS><I64 N="SourceId">0</I64>{body}</MS></Obj>'
            )

    # ---------------------------------------------------------------------------------------------------- errors

    def _on_error(self, record: object) -> None:
        if isinstance(record, ErrorRecord):
            self.show_error(record)
        else:
            self.write_error_text(f"{to_text(record)}\n")

    def show_error(self, record: ErrorRecord) -> None:
        """An error record on stderr."""
        if self.output_xml:
            self.elements.append(self.serializer.write(record, stream="Error", depth=_RECORD_DEPTH))
            return
        self.write_error_text(console_error_text(record, self.width))

    def write_error_text(self, text: str) -> None:
        """Text on stderr, broken at the width of the console."""
        for transcript in self.runspace.transcripts:
            transcript.add(text)
        lines = [piece for line in text.removesuffix("\n").split("\n") for piece in _pieces(line, self.width - 1)]
        if self.clixml:
            self.elements += [f'<S S="Error">{escaped(line + chr(13) + chr(10))}</S>' for line in lines]
        else:
            self._stderr("".join(f"{line}\r\n" for line in lines).encode(self.encoding, "replace"))

    def close(self) -> None:
        """The process ends: write what is held back."""
        self.finish_output()
        if self.output_xml and self.output_elements:
            self._stdout(document(self.output_elements).encode(self.encoding, "replace"))
        if self.clixml and self.elements:
            self._stderr(document(self.elements).encode(self.encoding, "replace"))


def _pieces(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)] or [""]


def console_error_text(record: ErrorRecord, width: int) -> str:
    """The text of an error in a console with a buffer: category and id in pieces of width - 6."""
    text = error_lines(record)
    for label, value in (("CategoryInfo          ", category_text(record)), ("FullyQualifiedErrorId ", record.full_id)):
        line = f"+ {label}: {value}"
        cut = "".join(f"    {piece}" for piece in _pieces(line, width - 6))
        text = text.replace(f"    {line}\n", f"{cut}\n", 1)
    return text
