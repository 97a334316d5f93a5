"""`hil twin shell`: PowerShell on a node or guest of a served lab."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from harness.cli import serving
from harness.cli.called import say
from harness.cli.history import History
from harness.cli.shellsession import StatementSession, run_command
from harness.errors import ConfigError, TransportError
from harness.labs.control import ControlChannel
from harness.labs.hosting import folder_of
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.plan.text import closest
from harness.run.sessions import to_winrm
from harness.transports.channel import WinRmEndpoint


class LogOn(StrEnum):
    """Ways to log on to a simulated machine."""

    NTLM = "ntlm"
    CREDSSP = "credssp"


FAILED: Final = 1
"""What PowerShell ends with when the last statement failed."""
_STOPPED: Final = "stopped; the session began anew, its variables and functions are gone"
_LOST: Final = "the next statement begins a new session, without variables and functions"


def shell(
    node: Annotated[str, typer.Argument(metavar="NODE", help="Name of a node, or of a managed guest.")],
    command: Annotated[
        str | None, typer.Option("-c", "--command", metavar="COMMAND", help="Run this and end with its exit code.")
    ] = None,
    lab: Annotated[
        str | None, typer.Option("--lab", metavar="LAB", help="Which lab, where several are served.")
    ] = None,
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="INSTANCE", help="Which instance, where several are served.")
    ] = None,
    transport: Annotated[
        LogOn | None,
        typer.Option("--transport", help="How to log on, instead of the lab file's way; credssp may go on to others."),
    ] = None,
) -> None:
    """Type PowerShell on a machine of a served lab, over WinRM.

    Without -c, statements are read from the terminal (history with the arrow keys, Ctrl-C cancels a line or stops what
    runs, Ctrl-D or exit ends), or from a pipe.  Ends with the exit code of the command, cut to eight bits.
    """
    found = find_machine(serving.served(instance, find_lab(lab).lab if lab else None).instance, node)
    if transport is not None:
        found = replace(found, transport=transport.value)
    if command is not None:
        code = run_command(found, command, _show, _show_error)
    elif sys.stdin.isatty():
        code = interactive(found)
    else:
        code = piped(found, sys.stdin)
    raise typer.Exit(byte_code(code))


def byte_code(code: int) -> int:
    """A 32-bit exit code as this system's programs can end with it: the low eight bits, never 0 for a failure."""
    return (code & 0xFF) or int(code != 0)


def find_machine(instance: str, name: str) -> WinRmEndpoint:
    """How to reach a node or managed guest of a served instance.  Raises ConfigError for a name that is none."""
    channel = ControlChannel(folder_of(instance))
    try:
        about = channel.call("describe")
        return to_winrm(Endpoint(**channel.call("endpoint", name=machine_of(instance, about, name), kind="winrm")))
    finally:
        channel.close()


def machine_of(instance: str, about: dict[str, Any], name: str) -> str:
    """The machine of a served instance that is meant, as it is spelled there.  Raises ConfigError."""
    machines: dict[str, str] = {each.lower(): each for each in (*about["nodes"], *about.get("managed_guests", ()))}
    if name.lower() in machines:
        return machines[name.lower()]
    names = ", ".join(machines.values())
    if name.lower() in (guest.lower() for guest in about["guests"]):
        raise ConfigError(
            f"guest '{name}' of '{instance}' has no operating system to talk to",
            hint=f"machines there: {names}; a lab file gives guests one under twin.windows_guests",
        )
    near = closest(name.lower(), machines)
    raise ConfigError(
        f"'{instance}' has no machine '{name}'" + (f" (did you mean '{machines[near]}'?)" if near else ""),
        hint=f"machines there: {names}",
    )


def _show(text: str) -> None:
    if text:
        typer.echo(text, nl=False)


def _show_error(text: str) -> None:
    if text:
        typer.echo(text, nl=False, err=True)


# --- typed and piped --------------------------------------------------------------------------------------------------


class Statements:
    """Puts lines together to whole statements.

    At a prompt a statement ends as soon as nothing is missing.  In a pipe one of several lines goes on to an empty
    line, as PowerShell itself reads there, so that an `else` may stand on the next line.
    """

    def __init__(self, needs_more: Callable[[str], bool], *, to_empty_line: bool) -> None:
        self._needs_more = needs_more
        self._to_empty_line = to_empty_line
        self.lines: list[str] = []

    def feed(self, line: str) -> str | None:
        """One more line: the statement that it completes, or None."""
        if not self.lines and not line.strip():
            return None
        self.lines.append(line)
        goes_on = self._to_empty_line and len(self.lines) > 1 and bool(line.strip())
        if goes_on or self._needs_more("\n".join(self.lines)):
            return None
        return self.take()

    def take(self) -> str:
        """What is there, and forget it."""
        text = "\n".join(self.lines)
        self.lines = []
        return text

    def end(self) -> str | None:
        """The statement that the end of input completes.  Raises ConfigError when it stands in the middle of one."""
        if not self.lines:
            return None
        first, text = self.lines[0], self.take()
        if self._needs_more(text):
            raise ConfigError(
                f"the input ends in the middle of the statement that begins with '{first}', which was not run",
                hint="hil twin check shows what is missing",
            )
        return text


def piped(endpoint: WinRmEndpoint, source: Iterable[str]) -> int:
    """Statements from a pipe, one by one; the exit code is that of the last one, or of `exit`."""
    from harness.labs.twin import needs_more  # the whole twin: not for a single command

    statements = Statements(needs_more, to_empty_line=True)
    session = StatementSession(endpoint, _show, _show_error)
    try:
        for line in source:
            statement = statements.feed(line.rstrip("\r\n"))
            if statement is not None:
                session.run(statement)
                if session.exit_code is not None:
                    return session.exit_code
        last = statements.end()
        if last is not None:
            session.run(last)
        return session.exit_code if session.exit_code is not None else _code(session)
    finally:
        session.close()


def _code(session: StatementSession) -> int:
    return 0 if session.succeeded else FAILED


def interactive(endpoint: WinRmEndpoint) -> int:
    """A prompt; the exit code is that of `exit`, 0 at Ctrl-D."""
    session = StatementSession(endpoint, _show, _show_error)
    from harness.labs.twin import needs_more  # the whole twin: not for a single command

    say(f"{endpoint.name} as {endpoint.username}; Ctrl-D or exit ends", err=True)
    statements = Statements(needs_more, to_empty_line=False)
    try:
        with History():
            while session.exit_code is None:
                prompt = ">> " if statements.lines else f"PS {session.location}> "
                try:
                    statement = statements.feed(input(prompt))
                except KeyboardInterrupt:
                    statements.take()
                    typer.echo("^C")
                    continue
                except EOFError:
                    typer.echo()
                    return 0
                if statement is not None:
                    _run_typed(session, statement)
        return session.exit_code
    finally:
        session.close()


def _run_typed(session: StatementSession, statement: str) -> None:
    """Run what was typed.  Ctrl-C ends it on the machine; a machine that does not answer is reported."""
    try:
        try:
            session.run(statement)
        except KeyboardInterrupt:
            session.restart()
            say(_STOPPED, err=True)
    except TransportError as error:
        session.drop()
        say(f"{error}; {_LOST}", err=True)


__all__ = ["Statements", "byte_code", "find_machine", "shell"]
