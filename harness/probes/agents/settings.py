"""What an agent is told, what it looks like in a guest, and the record from which it can be taken away."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import ConfigError
from harness.paths import fixtures_dir
from harness.probes.heartbeat_wire import HeartbeatKey, guest_id

INSTALL: Final = "agent.install"
"""`what` of the intent of an installation."""

WINDOWS: Final = "windows"
LINUX: Final = "linux"

PERIOD_MS: Final = 20
"""50 heartbeats a second: with a silence of three periods an outage of 60 ms is seen.  On Windows the mean of steps of
15.6 ms, its timer's usual tick ([D] timeapi timeBeginPeriod)."""
SHORTEST_MS: Final = 5
LONGEST_MS: Final = 60_000

_MOST_HOST: Final = 253


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Who the guest is, where its heartbeats go, how often, and with which key they are signed (None: not).

    Raises ConfigError for what an agent cannot do.
    """

    guest: str
    host: str
    port: int
    period_ms: int = PERIOD_MS
    key: HeartbeatKey | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check all values."""
        if not self.host or len(self.host) > _MOST_HOST or any(char.isspace() for char in self.host):
            raise ConfigError(f"'{self.host}' is no address of a heartbeat sink", hint="give a name or an IP address")
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"{self.port} is no UDP port", hint="give a number from 1 to 65535")
        if not SHORTEST_MS <= self.period_ms <= LONGEST_MS:
            raise ConfigError(
                f"a heartbeat each {self.period_ms} ms is not what agents can do",
                hint=f"give {SHORTEST_MS} to {LONGEST_MS} ms",
            )

    def document(self, script: str) -> str:
        """The settings file of the agent whose text is `script`.  Holds the key: never show it, never log it."""
        content: dict[str, Any] = {
            "guest": guest_id(self.guest),
            "host": self.host,
            "port": self.port,
            "period_ms": self.period_ms,
            "agent": version_of(script),
        }
        if self.key is not None:
            content["key"] = self.key.text
        return json.dumps(content)


@dataclass(frozen=True, slots=True)
class AgentLook:
    """What there is of an agent in a guest.  `leftovers` names each trace: files, folder, task or unit, processes."""

    running: bool
    starts_by_itself: bool
    pids: tuple[int, ...] = ()
    target: str = ""
    period_ms: int = 0
    agent: str = ""
    """Version of the script that was installed."""
    signed: bool = False
    leftovers: tuple[str, ...] = ()

    @property
    def absent(self) -> bool:
        """Nothing is left of it."""
        return not (self.running or self.starts_by_itself or self.pids or self.leftovers)

    @property
    def word(self) -> str:
        """In a word, for tables."""
        if self.running:
            return "running"
        return "absent" if self.absent else "stopped"


def agent_text(name: str) -> str:
    """A file of `fixtures/agents`.  Raises ConfigError when the checkout lacks it."""
    path = fixtures_dir() / "agents" / name
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError(
            f"the agent '{path}' cannot be read: {error.strerror}", hint="restore it: git checkout"
        ) from error


def version_of(script: str) -> str:
    """Twelve digits that tell versions of an agent apart."""
    return hashlib.sha256(script.encode()).hexdigest()[:12]


def undo_record(system: str, guest: str, **where: str | int) -> dict[str, Any]:
    """The data of the intent of an installation, to be journalled before it: all that its removal needs to know.

    Holds no secret.
    """
    return {"what": INSTALL, "system": system, "guest": guest, **where}
