"""Registry values that somebody wrote on a machine; what Windows itself keeps there follows from its state."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """One value: ``kind`` is ``REG_SZ``, ``REG_DWORD`` … ([D] W32 registry value types)."""

    kind: str
    data: object


@dataclass(slots=True)
class RegistryKey:
    """A key that was made or written to: full name (``HKLM\\…``) and values by their names in lower case."""

    name: str
    made: bool
    """It did not exist before, so that nothing but what is here is in it."""
    values: dict[str, tuple[str, RegistryValue]] = field(default_factory=dict)


@dataclass(slots=True)
class Registry:
    """Keys by their full names in lower case."""

    keys: dict[str, RegistryKey] = field(default_factory=dict)

    def make(self, name: str) -> None:
        """Make a key with its parents up to one that is here; nothing happens when it is here."""
        self.keys.setdefault(name.lower(), RegistryKey(name, made=True))

    def put(self, key: str, name: str, value: RegistryValue) -> None:
        """Set a value of a key, which may be one of Windows' own."""
        found = self.keys.setdefault(key.lower(), RegistryKey(key, made=False))
        found.values[name.lower()] = (name, value)

    def drop_value(self, key: str, name: str) -> bool:
        """Remove a value; False when it was not written here."""
        found = self.keys.get(key.lower())
        return found is not None and found.values.pop(name.lower(), None) is not None

    def drop(self, key: str) -> None:
        """Remove a key with all below it."""
        low = key.lower()
        self.keys = {
            name: entry for name, entry in self.keys.items() if name != low and not name.startswith(f"{low}\\")
        }
