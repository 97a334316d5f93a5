"""`hil lab baseline` and `hil lab clean`: can a lab come up here, and what did killed lab hosts leave?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer

from harness.cli.called import say
from harness.cli.interrupts import FirstInterrupt
from harness.cli.serving import instance_names
from harness.cli.table import echo_json
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import ConfigError, HarnessError
from harness.exits import Exit, worst
from harness.labs.cleaning import Remains, find_remains, remove_remains
from harness.labs.instance import HostedInstance
from harness.labs.models import LabFile, find_lab
from harness.labs.nested.leftovers import Leftover
from harness.labs.start import how_to_host, why_not_hosted
from harness.paths import state_dir

PURPOSE: Final = "lab baseline"
_STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ \S+: ")
"""Time, level and name in front of a line of a lab host's log."""

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def baseline(
    lab: Annotated[str, typer.Argument(metavar="LAB", help="Name of a lab, or path of its YAML file.")],
    number: Annotated[
        int | None,
        typer.Option("--instance", metavar="N", help="Number of the instance (default: the first free one)."),
    ] = None,
    as_json: AsJson = False,
) -> Exit:
    """Bring an instance of a lab to its baseline once, say what it has, and let go of it again.

    First removes what killed lab hosts left on this machine.  A nested lab boots its machines, after the node image was
    built where it is missing, and needs root.  Progress goes to standard error.  Exit 4 when this machine cannot host
    the lab, 10 when the lab does not come up, 11 when no instance is free.
    """
    file = _hosted(find_lab(lab))
    instances = instance_names(file, number)
    removed = list(remove_remains())
    _tell(removed, "removed")
    with FirstInterrupt() as interrupts:
        progress = Progress(file.lab)
        progress.say(f"{file.title}: the lab host starts")
        hosted = HostedInstance(file, instances, file.default_seed, purpose=PURPOSE, say=progress.say)
        interrupts.spared = True  # giving back is not disturbed
        nodes, guests = list(hosted.lab.nodes), list(hosted.lab.guests)
        progress.say("at the baseline; the lab host ends")
        began_ns = monotonic_ns()
        left = hosted.release()
        release_s = (monotonic_ns() - began_ns) / NS_PER_S
    document = {
        "schema": 1,
        "lab": file.lab,
        "kind": file.kind,
        "instance": hosted.lease.instance,
        "versions": dict(hosted.versions),
        "nodes": nodes,
        "guests": guests,
        "start_s": round(hosted.start_s, 3),
        "baseline_s": round(hosted.baseline_s, 3),
        "release_s": round(release_s, 3),
        "removed": _plain(removed),
        "left": [_plain_leftover(one) for one in left],
    }
    if as_json:
        echo_json(document)
    else:
        say("\n".join(_readable(document)))
    return Exit.PASS


def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without, only say what would be removed.")] = False,
    as_json: AsJson = False,
) -> Exit:
    """Remove what killed lab hosts of this state folder left: machines, network namespaces, folders.

    Leaves alone what has a living lab host or a lease of somebody else.  Exit 4 without --yes when there is something,
    10 or 11 when something had to stay.
    """
    found = list(remove_remains()) if yes else find_remains()
    if as_json:
        echo_json({"schema": 1, "done": yes, "instances": _plain(found)})
    elif not found:
        typer.echo(f"nothing is left of killed lab hosts in {state_dir()}")
        if os.geteuid() != 0:
            typer.echo("nested labs are run by root, whose state folder is another one: sudo ./hil lab clean")
    _tell(found, "removed" if yes else "would remove")
    if found and not yes:
        say("nothing was done; add --yes", err=as_json)
        return Exit.USAGE
    return worst([Exit.PASS, *(Exit[remains.trouble.code] for remains in found if remains.trouble)])


class Progress:
    """Lines on standard error with the seconds that have passed; the same one twice in a row is said once."""

    def __init__(self, name: str) -> None:
        self._name, self._said, self._began_ns = name, "", monotonic_ns()

    def say(self, line: str) -> None:
        """A step of the command, or a line of the lab host's log without what is in front of it."""
        text = _STAMP.sub("", line)
        if text != self._said:
            self._said = text
            passed_s = (monotonic_ns() - self._began_ns) / NS_PER_S
            say(f"{passed_s:6.1f} s  {self._name}: {text}", err=True)


def _hosted(lab: LabFile) -> LabFile:
    """Raises ConfigError for a lab whose kind cannot be hosted."""
    if why_not := why_not_hosted(lab):
        raise ConfigError(why_not, hint=how_to_host(lab) or "hil lab list shows the kinds of the others")
    return lab


def _tell(found: Iterable[Remains], did: str) -> None:
    """Say on standard error what was left, and what of it had to stay."""
    for remains in found:
        error = remains.trouble
        for one in remains.left:
            say(f"{'found' if error else did} {_words(one)} of {remains.instance}", err=True)
        if error:
            say(f"{remains.instance} stays as it is: {error}", err=True)
            if error.hint:
                say(f"  next: {error.hint}", err=True)


def _words(one: Leftover) -> str:
    return f"{one.kind} {one.name}"


def _plain(found: Iterable[Remains]) -> list[dict[str, Any]]:
    return [
        {
            "instance": remains.instance,
            "left": [_plain_leftover(one) for one in remains.left],
            "trouble": str(remains.trouble) if isinstance(remains.trouble, HarnessError) else None,
        }
        for remains in found
    ]


def _plain_leftover(one: Leftover) -> dict[str, str]:
    return {"kind": str(one.kind), "name": one.name}


def _readable(document: dict[str, Any]) -> Iterable[str]:
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items() if version)
    nodes, guests = document["nodes"], document["guests"]
    yield f"{document['instance']} reached its baseline: {versions}"
    yield f"{'nodes:':<9}{', '.join(nodes)}"
    yield f"{'guests:':<9}{f'{len(guests)} ({guests[0]} … {guests[-1]})' if guests else 'none'}"
    times = (("lab host", "start_s"), ("baseline", "baseline_s"), ("end", "release_s"))
    yield f"{'took:':<9}{', '.join(f'{name} {document[key]:.1f} s' for name, key in times)}"
    for one in document["left"]:
        yield f"removed {one['kind']} {one['name']}, which the lab host had left"
    yield "the lab host has ended, the lease is given back: nothing is left"
