"""The simulated machines' shell: how fast it reads scripts and answers, and what a node costs that nobody asks."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any, Final

import winrm
from pygments.lexers.shell import PowerShellLexer

from harness import paths
from harness.bench.figures import Bound, Figure, percentile
from harness.bench.host import ServedLabs, serve_labs
from harness.labs.twin import read_powershell
from harness.transports.channel import WinRmEndpoint
from harness.transports.winrm import WinRmShell

SCRIPTS: Final = "fixtures/bench"
"""Operators' scripts of full length, with comments and blank lines as people write them."""
BATCHES: Final = 3
SCRIPT: Final = "1+1"
ANSWER: Final = "2\r\n"
HUNDRED_NODES: Final = (16, 16, 16, 16, 16, 16, 4)
"""A cluster has at most sixteen."""
PARSED_LINES_PER_S: Final = 12_000
NEW_SHELL_MS: Final = 15
KEPT_SHELL_MS: Final = 5
IDLE_MIB: Final = 120

Say = Callable[[str], None]


def measure(rounds: int, say: Say) -> list[Figure]:
    """All figures of the shell.  `rounds` is how often scripts are read and, in each batch, commands are sent.

    `say` hears what comes next.
    """
    say("parser")
    figures = [parser_figure(rounds)]
    with serve_labs(4) as labs:
        say("commands over WinRM")
        figures += exchange_figures(labs.endpoints[0], rounds)
    say("a hundred nodes")
    with serve_labs(*HUNDRED_NODES) as labs:
        figures.append(memory_figure(labs, say))
    return figures


# --- parser


def parser_figure(passes: int) -> Figure:
    """Lines per second of processor time, in the fastest of some passes: what disturbs a pass makes it slower only."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((paths.root() / SCRIPTS).glob("*.ps1"))]
    lines = sum(text.count("\n") for text in texts)
    lexer = PowerShellLexer()
    own_s, peer_s = _fastest(
        passes,
        lambda: [read_powershell(text) for text in texts],
        lambda: [list(lexer.get_tokens(text)) for text in texts],
    )
    return Figure(
        "parser",
        lines / own_s,
        "lines/s",
        Bound.AT_LEAST,
        PARSED_LINES_PER_S,
        "Pygments, tokens only",
        lines / peer_s,
        f"{len(texts)} scripts, {lines} lines, {sum(map(len, texts)) / lines:.0f} characters each",
    )


def _fastest(passes: int, *works: Callable[[], object]) -> list[float]:
    """Processor seconds of the fastest pass of each, all of them taking turns."""
    gc.collect()
    fastest = [math.inf] * len(works)
    for _ in range(passes):
        for at, work in enumerate(works):
            started = process_time()
            work()
            fastest[at] = min(fastest[at], process_time() - started)
    return fastest


# --- exchanges


def exchange_figures(node: WinRmEndpoint, rounds: int) -> list[Figure]:
    """A trivial script over NTLM with sealed messages: with a log-on and a shell of its own, and in a kept shell."""
    with WinRmShell(node) as shell:
        new, peer_new, kept, peer_kept = _medians_ms(
            rounds,
            lambda: _run_once(node),
            _pywinrm_once(node),
            lambda: _expect(shell.run(SCRIPT).stdout),
            _pywinrm_kept(node),
        )
    return [
        Figure(
            "run_ps, new log-on and shell",
            new,
            "ms p50",
            Bound.AT_MOST,
            NEW_SHELL_MS,
            "pywinrm, Session.run_ps",
            peer_new,
            f"{BATCHES} batches of {rounds} times '{SCRIPT}' over sealed NTLM; most of the peer's time is its own",
        ),
        Figure(
            "run_ps, kept shell",
            kept,
            "ms p50",
            Bound.AT_MOST,
            KEPT_SHELL_MS,
            "pywinrm, Protocol with a kept shell",
            peer_kept,
            f"{BATCHES} batches of {rounds} times '{SCRIPT}', a process each",
        ),
    ]


def _medians_ms(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The median time of the quickest batch of each: what disturbs a batch makes it slower only.

    The batches take turns, so that those of one work do not all fall into the same slow moment.
    """
    batches = [[_batch_ms(work, rounds) for work in works] for _ in range(BATCHES)]
    return [min(times) for times in zip(*batches, strict=True)]


def _batch_ms(work: Callable[[], object], rounds: int) -> float:
    for _ in range(min(rounds, 20)):
        work()
    times = []
    for _ in range(rounds):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return percentile(times, 50) * 1000


def _expect(output: str) -> None:
    if output != ANSWER:
        raise ValueError(f"the node answered {output!r}")


def _run_once(node: WinRmEndpoint) -> None:
    with WinRmShell(node) as shell:
        _expect(shell.run(SCRIPT).stdout)


def _pywinrm_session(node: WinRmEndpoint) -> winrm.Session:
    login = (node.username, node.password)
    trusted: Any = None  # else it asks the environment, and warns
    return winrm.Session(node.url, auth=login, transport="ntlm", message_encryption="always", ca_trust_path=trusted)


def _pywinrm_once(node: WinRmEndpoint) -> Callable[[], None]:
    session = _pywinrm_session(node)
    return lambda: _expect(session.run_ps(SCRIPT).std_out.decode())


def _pywinrm_kept(node: WinRmEndpoint) -> Callable[[], None]:
    protocol: Any = _pywinrm_session(node).protocol
    shell = protocol.open_shell()

    def run() -> None:
        command = protocol.run_command(shell, "powershell", ["-NoProfile", "-Command", SCRIPT])
        output, _, _ = protocol.get_command_output(shell, command)
        protocol.cleanup_command(shell, command)
        _expect(output.decode())

    return run


# --- memory


def memory_figure(labs: ServedLabs, say: Say) -> Figure:
    """Resident memory of one process that serves a hundred nodes, each of which has answered once."""
    for count, node in enumerate(labs.endpoints, start=1):
        _run_once(node)
        if count % 25 == 0:
            say(f"{count} of {len(labs.endpoints)} nodes have answered")
    return Figure(
        "100 nodes idle",
        labs.memory_mib(),
        "MiB",
        Bound.AT_MOST,
        IDLE_MIB,
        "Python, nothing imported",
        _bare_python_mib(),
        f"{len(HUNDRED_NODES)} clusters in one process, each node asked once and left alone",
    )


def _bare_python_mib() -> float:
    look = "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
    command = [sys.executable, "-I", "-c", look]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(found.stdout) / 1024
