"""PowerShell on a served machine as somebody types it: statement after statement in one process, over WinRM."""

from __future__ import annotations

import codecs
import io
import secrets
from collections.abc import Callable
from typing import Final

from harness.transports import clixml, powershell
from harness.transports.channel import WinRmEndpoint
from harness.transports.program import RemoteProgram

Show = Callable[[str], None]
"""Takes a piece of text for the terminal."""

_REPORT: Final = '"{begin}$?|$((Get-Location).Path){end}"'
"""Says how the statement before it went, and where the session is.  It succeeds itself, so that `$?` is true then."""
_FAIL: Final = "Write-Error . -ErrorAction Ignore\n"
"""Makes `$?` false again, without a trace in `$Error`."""


class MarkedText:
    """Finds the report in a stream of text that arrives in pieces; what stands around it is for the terminal."""

    def __init__(self, begin: str, end: str) -> None:
        self._begin, self._end = begin, f"{end}\n"
        self._held = ""

    def feed(self, piece: str) -> tuple[str, str | None]:
        """More of the stream: what can be shown now, and the report once it is there."""
        self._held += piece
        at = self._held.find(self._begin)
        if at < 0:
            keep = _overlap(self._held, self._begin)
            shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            return shown, None
        shown, rest = self._held[:at], self._held[at:]
        report, found, left = rest.removeprefix(self._begin).partition(self._end)
        if not found:
            self._held = rest
            return shown, None
        self._held = left
        return shown, report

    def rest(self) -> str:
        """What was held back when the stream ended without a report."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of `text` that is a beginning of `word`."""
    return next((size for size in range(min(len(text), len(word) - 1), 0, -1) if text.endswith(word[:size])), 0)


class Decoder:
    """Bytes of a stream to text, however they are cut; line ends become those of the terminal."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines = io.IncrementalNewlineDecoder(decoder, translate=True)

    def feed(self, raw: bytes) -> str:
        """More bytes: the text that is complete."""
        return self._lines.decode(raw)

    def rest(self) -> str:
        """What was held back when the stream ended."""
        return self._lines.decode(b"", final=True)


class StatementSession:
    """One process on the machine, which keeps variables and functions from statement to statement."""

    def __init__(self, endpoint: WinRmEndpoint, show: Show, show_error: Show) -> None:
        """Starts the process.  Raises EndpointError when the machine does not answer."""
        word = secrets.token_hex(8)
        self._begin, self._end = f"[hil:{word}]", f"[/hil:{word}]"
        self._show, self._show_error = show, show_error
        self._endpoint = endpoint
        self.location = ""
        self.succeeded = True
        """How the last statement went: `$?`."""
        self.exit_code: int | None = None
        """Of the process, once it has ended."""
        self._begin_process()

    def _begin_process(self) -> None:
        self.succeeded = True
        self._output, self._errors = Decoder(), Decoder()
        self._marked = MarkedText(self._begin, self._end)
        self._program = RemoteProgram(self._endpoint)
        try:
            self._program.start(powershell.STATEMENTS)
            self._alive = True
            self._converse("")
        except BaseException:
            self.drop()
            raise

    def run(self, statement: str) -> None:
        """Run one complete text, showing output as it comes; sets `location`, `succeeded` and `exit_code`.

        Without a process it begins one.  Raises EndpointError; `drop` what is left of the process then.
        """
        if not self._alive:
            self._begin_process()
        before = "" if self.succeeded else _FAIL
        self._converse(f"{before}{statement}\n\n" if "\n" in statement else f"{before}{statement}\n")

    def _converse(self, text: str) -> None:
        report = _REPORT.format(begin=self._begin, end=self._end)
        self._program.send(f"{text}{report}\n".encode())
        while True:
            output = self._program.receive()
            if output is None:
                continue
            shown, found = self._marked.feed(self._output.feed(output.stdout))
            self._show(shown)
            self._show_error(self._errors.feed(output.stderr))
            if found is not None:
                went, _, self.location = found.partition("|")
                self.succeeded = went == "True"
                return
            if output.exit_code is not None:
                self._show(self._marked.feed(self._output.rest())[0] + self._marked.rest())
                self._show_error(self._errors.rest())
                self.exit_code = output.exit_code
                self._program.close()
                self._alive = False
                return

    def drop(self) -> None:
        """End the process, whatever it does: its variables are gone.  Never raises for a machine that is gone."""
        self._program.stop()
        self._program.close()
        self._alive = False

    def restart(self) -> None:
        """End the process and begin a new one.  Raises EndpointError."""
        self.drop()
        self._begin_process()

    def close(self) -> None:
        """End the process, if there still is one.  Never raises for a machine that is gone."""
        if self._alive:
            self.drop()


def run_command(endpoint: WinRmEndpoint, command: str, show: Show, show_error: Show) -> int:
    """Run one text as a process of its own, showing output as it comes, and return its exit code.

    An exception in the middle, as of Ctrl-C, ends the process on the machine.  Raises EndpointError.
    """
    line, standard_input = powershell.command_line(command)
    output_text, errors, held = Decoder(), Decoder(), ""
    with RemoteProgram(endpoint) as program:
        try:
            program.start(line)
            if standard_input:
                program.send(standard_input, end=True)
            while True:
                output = program.receive()
                if output is None:
                    continue
                show(output_text.feed(output.stdout))
                held += errors.feed(output.stderr)
                if output.exit_code is not None:
                    show(output_text.rest())
                    show_error(clixml.read_console(held + errors.rest()))
                    return output.exit_code
        except KeyboardInterrupt:
            program.stop()
            raise
