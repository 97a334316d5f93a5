"""Version numbers, compared field by field as numbers: `11.2510` is newer than `11.2509.1001.21`."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Final

_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")


@total_ordering
class Version:
    """A solution, SBE or OS version.  A missing field counts as lower than any number."""

    __slots__ = ("fields",)

    def __init__(self, *fields: int) -> None:
        self.fields = fields

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version in `text`.  Raises ValueError when it is none."""
        stripped = text.strip()
        if not _VERSION.fullmatch(stripped):
            raise ValueError(f"'{text}' is no version: expected numbers separated by dots, such as 12.2510.1002.94")
        return cls(*(int(part) for part in stripped.split(".")))

    def __eq__(self, other: object) -> bool:
        return self.fields == other.fields if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self.fields < other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __str__(self) -> str:
        return ".".join(map(str, self.fields))

    def __repr__(self) -> str:
        return f"Version({self})"
