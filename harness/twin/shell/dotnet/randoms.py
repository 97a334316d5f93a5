"""``[Random]``: with a seed the same numbers each time, though not those of .NET."""

from __future__ import annotations

import random
from typing import Final

from harness.twin.shell.dotnet.registry import constructor, method
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, Byte
from harness.twin.shell.session import current
from harness.twin.shell.typesystem import register_value_type

RANDOM: Final = "System.Random"
_TOP: Final = 2**31 - 1


class Random:
    """A source of numbers."""

    __slots__ = ("source",)

    def __init__(self, seed: int | None = None) -> None:
        host = current().host
        start = f"{host.computer_name} {host.now().isoformat()} {seed is None}" if seed is None else seed
        self.source = random.Random(start)

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` up to but not ``high``."""
        if high < low:
            raise net_error(
                "System.ArgumentOutOfRangeException",
                "'minValue' cannot be greater than maxValue.\r\nParameter name: minValue",
            )
        return low if high == low else self.source.randrange(low, high)


def _fill(this: Random, data: list[object]) -> object:
    data[:] = [Byte(this.source.randrange(256)) for _ in data]
    return NOTHING


register_value_type(Random, RANDOM)
constructor(RANDOM, "", "int seed")(Random)
method(Random, "Next")(lambda this: this.whole(0, _TOP))
method(Random, "Next", "int maxValue")(lambda this, high: this.whole(0, high))
method(Random, "Next", "int minValue, int maxValue")(lambda this, low, high: this.whole(low, high))
method(Random, "NextDouble")(lambda this: this.source.random())
method(Random, "NextBytes", "object buffer")(_fill)
