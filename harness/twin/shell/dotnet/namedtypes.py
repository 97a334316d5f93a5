"""Types that scripts name in parameters and casts, and small values of .NET: choices, random bytes, invariant formats
([D] .NET Framework and PowerShell reference)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from harness.twin.shell.dotnet.cultures import Culture
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import NOTHING, Byte, PSObject
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import register_type, register_value_type
from harness.twin.shell.typetables import ACCELERATORS

_CHOICE: Final = "System.Management.Automation.Host.ChoiceDescription"
_RANDOM: Final = "System.Security.Cryptography.RandomNumberGenerator"

# Objects of these types come from commands; a script says what it wants to be given.
for _name in (
    "Microsoft.Management.Infrastructure.CimInstance",
    "System.Management.Automation.Runspaces.PSSession",
    "System.Management.Automation.Job",
    "System.ServiceProcess.ServiceController",
    "Microsoft.Win32.RegistryKey",
):
    register_type(_name)
ACCELERATORS["ciminstance"] = "Microsoft.Management.Infrastructure.CimInstance"


class Choice:
    """One answer of a question to the user."""

    __slots__ = ("help", "label")

    def __init__(self, label: str, text: str = "") -> None:
        self.label = label
        self.help = text


register_value_type(Choice, _CHOICE)
register_type(_CHOICE)
constructor(_CHOICE, "string label", "string label, string helpMessage")(Choice)
prop(Choice, "Label", lambda this: this.label)
prop(Choice, "HelpMessage", lambda this: this.help, lambda this, value: setattr(this, "help", value))


class RandomBytes:
    """A generator whose numbers follow from the session's time and turn: a run can be repeated."""

    __slots__ = ("turn",)

    def __init__(self) -> None:
        self.turn = 0

    def fill(self, target: list[object]) -> object:
        """Put new bytes into an array."""
        host = current().host
        data = b""
        while len(data) < len(target):
            self.turn += 1
            data += hashlib.sha256(f"{host.computer_name}{host.now()}{self.turn}".encode()).digest()
        target[:] = [Byte(one) for one in data[: len(target)]]
        return NOTHING


register_value_type(RandomBytes, _RANDOM)
for _full in (_RANDOM, "System.Security.Cryptography.RNGCryptoServiceProvider"):
    register_type(_full)
    static(_full, "Create")(RandomBytes)
constructor("System.Security.Cryptography.RNGCryptoServiceProvider", "")(RandomBytes)
method(RandomBytes, "GetBytes", "object data")(lambda this, target: this.fill(target))
method(RandomBytes, "Dispose")(lambda _: NOTHING)

for _name in ("DateTimeFormatInfo", "NumberFormatInfo"):
    register_type(f"System.Globalization.{_name}")
    static_prop(f"System.Globalization.{_name}", "InvariantInfo", lambda: Culture(""))
    static_prop(f"System.Globalization.{_name}", "CurrentInfo", lambda: Culture(current().host.culture))
_ZONE: Final = "System.TimeZoneInfo"


def _utc() -> PSObject:
    """The zone of all machines of the lab."""
    name = "Coordinated Universal Time"
    facts: dict[str, object] = {
        "Id": "UTC",
        "DisplayName": f"(UTC) {name}",
        "StandardName": name,
        "DaylightName": name,
        "BaseUtcOffset": timedelta(0),
        "SupportsDaylightSavingTime": False,
    }
    return PSObject.of_type(_ZONE, facts, text=f"(UTC) {name}")


@static(_ZONE, "FindSystemTimeZoneById", "string id")
def find_zone(name: str) -> PSObject:
    """A zone by its name: the lab's own; others are not simulated."""
    if name.upper() != "UTC":
        raise limitation(f"the time zone '{name}' is not simulated; machines of the lab keep UTC")
    return _utc()


static_prop(_ZONE, "Local", _utc)
static_prop(_ZONE, "Utc", _utc)
register_text(Choice, lambda value: _CHOICE)
