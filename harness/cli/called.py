"""Commands in messages, spelt as the operator can type them.

Messages name commands as `hil …`, wherever in the house they are made.  In a checkout that is typed `./hil …`; the
start-up script says how it was called itself.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Final

import typer

from harness.cli import NOUNS

CALLED_AS: Final = "HIL_CALLED_AS"
"""Environment variable in which `./hil` hands on the word with which it was called."""

NAME: Final = "hil"
_COMMAND: Final = re.compile(rf"(?<![\w./-])(?:\./)?{NAME} (?=(?:{'|'.join(NOUNS)})\b)")


def called_as() -> str:
    """The word that starts the program: `./hil`, a path, or `hil` where that is found, or was not started by ./hil."""
    given = os.environ.get(CALLED_AS)
    if not given:
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found) == Path(given):
        return NAME
    return shlex.quote(given)


def spelled(text: str) -> str:
    """`text` with its commands as they can be typed here."""
    word = called_as()
    return _COMMAND.sub(lambda _: f"{word} ", text)


def say(text: str = "", *, err: bool = False) -> None:
    """Print a text for people."""
    typer.echo(spelled(text), err=err)
