"""The kernel's command line, from which the first process of a node learns who it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import ConfigError

FAST: Final = "quiet nokaslr tsc=reliable no_timer_check cryptomgr.notests mitigations=off"
"""Saves a second of an emulated processor's time (`domain/arm-redfish-libvirt.md` section 8.4)."""
CONSOLE: Final = "console=ttyS0 panic=1"
"""A node that panics resets itself after a second."""
UP: Final = "NODE-UP"
"""With the node's name behind it: what a node says on its console when its service was started."""
MOST_CHARACTERS: Final = 2047
"""[D] COMMAND_LINE_SIZE of x86."""

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_WORD: Final = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Card:
    """A network card of a node: its MAC (small letters), and its address with the length of the prefix."""

    mac: str
    address: str

    def __str__(self) -> str:
        return f"hil.net={self.mac},{self.address}"


def boot_line(name: str, *, cards: Sequence[Card] = (), brain: str = "", token: str = "") -> str:
    """The command line of a node.

    The guests of a node are reached over its first card.  `brain` is the address and port that its service asks,
    `token` what it proves itself with.  Raises ConfigError for what the line cannot carry.
    """
    for card in cards:
        if not _MAC.fullmatch(card.mac):
            raise ConfigError(f"'{card.mac}' is no MAC of node '{name}'", hint="write it like 52:54:00:00:00:01")
    words = [FAST, CONSOLE, f"hil.name={name}", *map(str, cards), f"hil.brain={brain}", f"hil.token={token}"]
    if not all(_WORD.fullmatch(word) for word in words[2:]):
        raise ConfigError(f"an argument of node '{name}' has blanks or other signs that end it", hint="leave them out")
    line = " ".join(words)
    if len(line) > MOST_CHARACTERS:
        raise ConfigError(
            f"the command line of node '{name}' has {len(line)} characters; a kernel reads {MOST_CHARACTERS}",
            hint="give the node fewer network cards",
        )
    return line
