"""Options of the plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ACTIVE: Final = pytest.StashKey[bool]()


def add_options(parser: pytest.Parser) -> None:
    """Declare `--hil-lab`, `--hil-seed`, `--hil-session`, `--hil-record`."""
    group = parser.getgroup("hil", "hardware-in-the-loop plans")
    group.addoption("--hil-lab", metavar="LAB", help="lab name or file to use instead of the one each scenario names")
    group.addoption("--hil-seed", metavar="N", type=int, help="seed of the run (default: the lab file's)")
    group.addoption("--hil-session", metavar="ID", help="name of the session folder (default: time and a random part)")
    group.addoption(
        "--hil-record", action="store_true", help="store redacted transcripts of all conversations as evidence"
    )


@dataclass(frozen=True, slots=True)
class HilOptions:
    """The options as given; `active` says whether this pytest run is ours."""

    lab: str | None
    seed: int | None
    session: str | None
    record: bool
    active: bool

    @classmethod
    def of(cls, config: pytest.Config) -> HilOptions:
        """Read them from pytest's configuration."""
        lab, seed, session = (config.getoption(f"--hil-{name}") for name in ("lab", "seed", "session"))
        record = bool(config.getoption("--hil-record"))
        named = any(Path(str(word).partition("::")[0]).suffix in (".yaml", ".yml") for word in config.args)
        return cls(lab, seed, session, record, named or lab is not None or session is not None)
