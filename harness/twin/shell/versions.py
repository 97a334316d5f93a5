"""Versions as .NET has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """``[version]``: two to four numbers; a missing one is -1, as in .NET."""

    major: int
    minor: int
    build: int = -1
    revision: int = -1

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``a.b[.c[.d]]``. Raises ``ValueError`` for anything else."""
        parts = text.strip().split(".")
        if not 2 <= len(parts) <= 4:
            raise ValueError("Version string portion was too short or too long.")
        numbers = [int(part) for part in parts if part.strip().isdigit()]
        if len(numbers) != len(parts):
            raise ValueError("Input string was not in a correct format.")
        return cls(*numbers)

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """All four numbers."""
        return self.major, self.minor, self.build, self.revision

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.parts if part >= 0)

    def __eq__(self, other: object) -> bool:
        return self.parts == other.parts if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.parts < other.parts if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.parts)
