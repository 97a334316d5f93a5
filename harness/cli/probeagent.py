"""`hil probe agent`: heartbeat agents in the guests of a lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from harness.azurelocal.command import Command
from harness.cli import serving
from harness.cli.called import say
from harness.cli.table import echo_json, text_table
from harness.cli.twinshell import machine_of
from harness.errors import ConfigError, HarnessError
from harness.exits import Exit
from harness.journal import Redactor
from harness.labs.control import ControlChannel
from harness.labs.hosting import folder_of
from harness.labs.models import LabFile, find_lab
from harness.labs.port import Endpoint
from harness.labs.secrets import resolve
from harness.plan.quantity import parse_duration
from harness.plan.text import TextError
from harness.probes.agents import AgentLook, AgentSettings, agent_text
from harness.probes.agents.settings import PERIOD_MS, version_of
from harness.probes.agents.windows import FOLDER, SCRIPT, TASK, install_agent, look_at_agent, remove_agent
from harness.probes.heartbeat_wire import HeartbeatKey
from harness.run.sessions import to_winrm
from harness.transports.channel import WinRmEndpoint
from harness.transports.winrm import WinRmShell

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Put heartbeat agents into guests; take them away.")

Lab = Annotated[str, typer.Option("--lab", metavar="LAB", help="Name of a lab, or path of its YAML file.")]
Guests = Annotated[
    list[str] | None, typer.Option("--guest", metavar="NAME", help="Only this guest; may be given several times.")
]
Instance = Annotated[
    str | None, typer.Option("--instance", metavar="INSTANCE", help="Which instance, where several are served.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

AT_ONCE: Final = 8
"""Guests that are worked on at the same time, where lab time passes by itself."""
_LOCAL: Final = "127.0.0.1"


@app.callback()
def agent() -> None:
    """Put heartbeat agents into guests, look at them, take them away.

    An agent pushes a small UDP datagram many times a second.  From those that do not arrive a prober tells when and why
    the guest was away.
    """


@app.command()
def install(
    lab: Lab,
    guest: Guests = None,
    instance: Instance = None,
    sink: Annotated[
        str | None,
        typer.Option("--sink", metavar="ADDRESS", help="Where heartbeats go (default for a simulated lab: 127.0.0.1)."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", help="UDP port there (default: the lab file's).")
    ] = None,
    period: Annotated[
        str, typer.Option("--period", metavar="DURATION", help="Time between two heartbeats.")
    ] = f"{PERIOD_MS}ms",
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="SECRET", help="Reference to the key that signs them, e.g. secret://file/PATH."),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> Exit:
    """Install the agent in managed Windows guests and start it, now and with each start of the guest.

    May be repeated: an agent that runs with exactly these settings is left alone.
    """
    file, redactor = find_lab(lab), Redactor()
    address, period_ms = sink or _usual_sink(file), _milliseconds(period)
    signed = _read_key(key, redactor)
    told = port or file.ports.heartbeat
    AgentSettings(file.lab, address, told, period_ms, signed)  # what is wrong is said before anybody is asked
    reached = _Reached.find(file, instance, guest, redactor)
    settings = {name: AgentSettings(name, address, told, period_ms, signed) for name in reached.guests}
    how = "signed" if signed else "unsigned"
    if not yes:
        say(f"would install in {_several(reached.guests)} of {reached.instance}:")
        say(f"  folder {FOLDER}, open to SYSTEM and administrators only")
        say(f"  scheduled task {TASK} of SYSTEM, at each start of Windows, started at once")
        say(f"  which sends a heartbeat to {address}:{told} every {period_ms} ms, {how}")
        return _nothing_done()
    return reached.report(lambda name: install_agent(settings[name]), as_json)


@app.command()
def status(lab: Lab, guest: Guests = None, instance: Instance = None, as_json: AsJson = False) -> Exit:
    """Say in which guests the agent is, whether it runs, and where its heartbeats go."""
    reached = _Reached.find(find_lab(lab), instance, guest, Redactor())
    return reached.report(lambda _: look_at_agent(), as_json)


@app.command()
def remove(
    lab: Lab, guest: Guests = None, instance: Instance = None, yes: Yes = False, as_json: AsJson = False
) -> Exit:
    """End the agent in guests and take its task, files and folder away; harmless where there is none.

    What is left of it is an error.
    """
    reached = _Reached.find(find_lab(lab), instance, guest, Redactor())
    if not yes:
        say(f"would end the agent in {_several(reached.guests)} of {reached.instance}, and remove there:")
        say(f"  scheduled task {TASK}")
        say(f"  folder {FOLDER} with everything in it")
        return _nothing_done()
    return reached.report(lambda _: remove_agent(), as_json)


def _nothing_done() -> Exit:
    typer.echo("nothing was done; add --yes")
    return Exit.USAGE


def _several(names: Sequence[str]) -> str:
    shown = ", ".join(names) if len(names) <= AT_ONCE else f"{names[0]} … {names[-1]}"
    return f"{len(names)} guest{'s' if len(names) > 1 else ''} ({shown})"


# --- options


def _usual_sink(file: LabFile) -> str:
    """Raises ConfigError for a lab whose guests are on other machines than this one."""
    if file.is_simulated:
        return _LOCAL
    raise ConfigError(
        f"lab '{file.lab}' needs an address to which its guests can send heartbeats",
        hint="name this machine as the guests see it: --sink ADDRESS",
    )


def _milliseconds(text: str) -> int:
    try:
        length = parse_duration(text)
    except TextError as error:
        raise ConfigError(f"--period: '{text}' is no duration: {error.message}", hint="for example 20ms") from error
    whole, rest = divmod(length, timedelta(milliseconds=1))
    if rest:
        raise ConfigError(f"--period: '{text}' is no whole number of milliseconds", hint="for example 20ms")
    return whole


def _read_key(reference: str | None, redactor: Redactor) -> HeartbeatKey | None:
    """Raises ConfigError for a value instead of a reference, SecretError for one that names nothing."""
    if reference is None:
        return None
    if not reference.startswith("secret://"):
        raise ConfigError(
            "--key takes a reference, never a key",
            hint="secret://env/NAME, secret://file/PATH or secret://exec/COMMAND",
        )
    text = resolve(reference)
    redactor.register(text)
    try:
        key = HeartbeatKey.parse(text)
    except ValueError as error:
        raise ConfigError(f"'{reference}': {error}", hint="for example: head -c32 /dev/urandom | base64") from error
    redactor.register(key.text)
    return key


# --- guests


@dataclass(frozen=True, slots=True)
class _Row:
    """What came of one guest."""

    guest: str
    look: AgentLook | None
    error: HarnessError | None = None

    def plain(self, redactor: Redactor) -> dict[str, Any]:
        """As JSON."""
        found = asdict(self.look) | {"state": self.look.word, "current": _is_current(self.look)} if self.look else {}
        return {"guest": self.guest, **found, "error": redactor.text(str(self.error)) if self.error else None}

    def cells(self, redactor: Redactor) -> tuple[str, ...]:
        """As a line of the table."""
        look = self.look
        if look is None:
            return (self.guest, "error", "", "", "", redactor.text(str(self.error)))
        pids = ", ".join(map(str, look.pids))
        note = "" if look.absent or _is_current(look) else "an older agent, or another one"
        if look.word == "stopped":
            note = f"left: {', '.join(look.leftovers)}"
        period = f"{look.period_ms} ms, {'signed' if look.signed else 'unsigned'}" if look.period_ms else ""
        return (self.guest, look.word, pids, look.target, period, note)


def _is_current(look: AgentLook) -> bool:
    """Is the installed agent the one that this version ships?"""
    return look.agent == version_of(agent_text(SCRIPT))


@dataclass(frozen=True, slots=True)
class _Reached:
    """Guests of a served instance, and how to reach them."""

    instance: str
    endpoints: Mapping[str, WinRmEndpoint]
    flows: bool
    redactor: Redactor

    @classmethod
    def find(cls, file: LabFile, instance: str | None, wanted: list[str] | None, redactor: Redactor) -> _Reached:
        """All managed guests, or those named.  Raises ConfigError, LabError."""
        name = serving.served(instance, file.lab).instance
        channel = ControlChannel(folder_of(name))
        try:
            about = channel.call("describe")
            managed: list[str] = list(about.get("managed_guests", ()))
            chosen = list(dict.fromkeys(_guest_of(name, about, guest) for guest in wanted or managed))
            if not chosen:
                raise ConfigError(
                    f"'{name}' has no managed guests", hint="a lab file names them under twin.windows_guests"
                )
            endpoints = {}
            for guest in chosen:
                endpoint = Endpoint(**channel.call("endpoint", name=guest, kind="winrm"))
                redactor.register(endpoint.secret)
                endpoints[guest] = to_winrm(endpoint)
        finally:
            channel.close()
        return cls(name, endpoints, bool(about["flows"]), redactor)

    @property
    def guests(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.endpoints)

    def report(self, command_for: Callable[[str], Command[AgentLook]], as_json: bool) -> Exit:
        """Send each guest its command, and show what came back; the exit code of the first error."""
        rows = []
        for row in self._send(command_for):
            rows.append(row)
            if len(self.endpoints) > 1:
                say(f"{row.guest}: {row.look.word if row.look else 'error'}", err=True)
        if as_json:
            echo_json([row.plain(self.redactor) for row in rows])
        else:
            head = ("guest", "agent", "process", "sends to", "every", "")
            typer.echo(text_table(head, [row.cells(self.redactor) for row in rows], whole=True))
        failed = [row.error for row in rows if row.error is not None]
        for hint in dict.fromkeys(error.hint for error in failed if error.hint):
            say(f"  next: {self.redactor.text(hint)}", err=True)
        return Exit[failed[0].code] if failed else Exit.PASS

    def _send(self, command_for: Callable[[str], Command[AgentLook]]) -> Iterator[_Row]:
        """In the order of the guests; on a clock that stands one after another, since what waits moves it."""
        with ThreadPoolExecutor(AT_ONCE if self.flows else 1, thread_name_prefix="agent") as threads:
            yield from threads.map(lambda guest: self._ask(guest, command_for(guest)), self.endpoints)

    def _ask(self, guest: str, command: Command[AgentLook]) -> _Row:
        with WinRmShell(self.endpoints[guest]) as shell:
            try:
                reply = shell.run(command.script, within_s=command.within_s, repeatable=command.repeatable)
                return _Row(guest, command.read(reply))
            except HarnessError as error:
                return _Row(guest, None, error)


def _guest_of(instance: str, about: Mapping[str, Any], name: str) -> str:
    """A managed guest, as it is spelled.  Raises ConfigError."""
    found = machine_of(instance, dict(about), name)
    if found in about["nodes"]:
        raise ConfigError(
            f"'{found}' of '{instance}' is a node, not a guest", hint="agents speak for guests; name one of those"
        )
    return found
