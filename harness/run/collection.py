"""Evidence: what the product says of itself at the end, kept as files and named in the journal by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.azurelocal.command import Command
from harness.azurelocal.migrations import read_migrations
from harness.azurelocal.records import migrations_record
from harness.labs.port import Lab
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop
from harness.run.observer import Observer
from harness.run.scribe import Scribe


def collect_evidence(
    loop: Loop, observer: Observer, commands: Sequence[Command[Any]], scribe: Scribe, folder: Path
) -> None:
    """Send each command to whichever node can tell; what cannot be had is left out, never invented."""
    for command in commands:
        answers: list[Answer | None] = []
        observer.ask_any(command, observer.candidates(), answers.append)
        loop.run_until(lambda answers=answers: bool(answers), heed_stop=False)  # type: ignore[misc]
        if answers[0] is not None:
            about = f"{command.name}, as told by {answers[0].node}"
            store_evidence(scribe, folder, f"{command.name}.json", answers[0].value, about)


def collect_migrations(loop: Loop, endpoints: Endpoints, lab: Lab, scribe: Scribe) -> None:
    """What every node logged about live migrations since the lab's epoch; one that does not answer tells nothing."""
    answers: list[Answer] = []
    for node in lab.nodes:
        endpoints.ask(node, read_migrations(lab.clock.epoch), answers.append)
    loop.run_until(lambda: len(answers) == len(lab.nodes), heed_stop=False)
    for answer in sorted(answers, key=lambda answer: answer.node):
        if answer.error is None and answer.value:
            scribe.observed(answer.node, "migrations", "migrations", migrations_record(answer.value))


def collect_consoles(lab: Lab, scribe: Scribe, folder: Path) -> None:
    """What the nodes wrote to their consoles, where the lab keeps it."""
    for node, text in sorted(lab.consoles().items()):
        path = folder / "evidence" / f"console-{node}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(scribe.redacted(text.encode()))
        name_evidence(scribe, folder, f"evidence/{path.name}", f"the end of the console of {node}", wall_times=True)


def store_evidence(scribe: Scribe, folder: Path, name: str, value: Any, about: str) -> None:
    """Write one evidence file and name it in the journal."""
    content = scribe.redacted((json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode())
    path = folder / "evidence" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    name_evidence(scribe, folder, f"evidence/{name}", about)


def name_evidence(scribe: Scribe, folder: Path, name: str, about: str, *, wall_times: bool = False) -> None:
    """Name a file of the run folder in the journal, by the hash of its content; `wall_times` says that the content
    differs between equal runs because wall times stand in it."""
    content = (folder / name).read_bytes()
    scribe.evidence(name, hashlib.sha256(content).hexdigest(), len(content), about, wall_times=wall_times)
