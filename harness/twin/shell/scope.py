"""Variables, functions and aliases, by scope. Scopes are dynamic: a function sees the variables of its callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from harness.twin.shell.errors import runtime_error

if TYPE_CHECKING:
    from harness.twin.shell.scriptblock import Function
    from harness.twin.shell.typesystem import TypeRef


class Variable:
    """A variable: its value, options, the type it keeps and the validations that stay on it."""

    __slots__ = ("cast", "checks", "description", "name", "options", "type", "value")

    def __init__(self, name: str, value: object = None, options: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.value = value
        self.options = options
        self.type: TypeRef | None = None
        self.cast: Callable[[object], object] | None = None  # to the type, where that needs the session
        self.checks: tuple[Callable[[object], None], ...] = ()
        self.description = ""

    @property
    def fixed(self) -> bool:
        """Read-only or constant."""
        return "ReadOnly" in self.options or "Constant" in self.options


class Alias(str):
    """What an alias stands for, empty when it was removed, with its name as written and its options."""

    __slots__ = ("description", "name", "options")
    name: str
    options: frozenset[str]
    description: str

    def __new__(cls, target: str, name: str, options: frozenset[str] = frozenset(), description: str = "") -> Alias:
        """An alias of a name."""
        made = super().__new__(cls, target)
        made.name = name
        made.options = options
        made.description = description
        return made


class Scope:
    """One scope and the scope it was made from."""

    __slots__ = ("aliases", "functions", "kind", "parent", "strict", "vars")

    def __init__(self, parent: Scope | None, kind: str = "local") -> None:
        self.parent = parent
        self.kind = kind
        self.vars: dict[str, Variable] = {}
        self.functions: dict[str, Function] | None = None
        self.aliases: dict[str, Alias] | None = None
        self.strict: int | None = None

    def find(self, low: str) -> Variable | None:
        """A variable by its lower-case name, from here outwards."""
        found = self.vars.get(low)
        if found is not None:
            return found
        scope = self.parent
        while scope is not None:
            found = scope.vars.get(low)
            if found is not None and "Private" not in found.options:
                return found
            scope = scope.parent
        return None

    def value(self, low: str, default: object = None) -> object:
        """Value of a variable, or the default."""
        found = self.find(low)
        return default if found is None else found.value

    def assign(self, name: str, value: object) -> Variable:
        """Set a variable of this scope (made when it is not there). Raises ``PSError`` when it is read-only."""
        low = name.lower()
        found = self.vars.get(low)
        if found is None:
            outer = self.parent.find(low) if self.parent is not None else None
            if outer is not None and "AllScope" in outer.options:
                found = outer
            else:
                found = Variable(name, value)
                self.vars[low] = found
                return found
        if found.options and found.fixed:
            raise not_writable(found.name)
        found.value = value
        return found

    def put(self, name: str, value: object) -> None:
        """Set a variable of this scope without any check (automatic variables)."""
        low = name.lower()
        found = self.vars.get(low)
        if found is None:
            self.vars[low] = Variable(name, value)
        else:
            found.value = value

    def outer(self, kind: str) -> Scope:
        """The global or script scope."""
        scope = self
        while scope.parent is not None and scope.kind != kind:
            scope = scope.parent
        return scope

    def ancestor(self, steps: int) -> Scope | None:
        """The scope so many steps outwards, or ``None``."""
        scope: Scope | None = self
        for _ in range(steps):
            scope = scope.parent if scope is not None else None
        return scope

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def find_function(self, low: str) -> Function | None:
        """A function by its lower-case name."""
        scope: Scope | None = self
        while scope is not None:
            if scope.functions is not None:
                found = scope.functions.get(low)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def find_alias(self, low: str) -> Alias | None:
        """An alias of the session by its lower-case name; an empty one hides that of the machine."""
        scope: Scope | None = self
        while scope is not None:
            if scope.aliases is not None:
                found = scope.aliases.get(low)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def visible(self) -> dict[str, Variable]:
        """All variables that can be seen from here."""
        found: dict[str, Variable] = {}
        for scope in self.chain():
            for low, variable in scope.vars.items():
                if low not in found and (scope is self or "Private" not in variable.options):
                    found[low] = variable
        return found

    @property
    def strict_level(self) -> int:
        """Version of strict mode in force, 0 for none."""
        for scope in self.chain():
            if scope.strict is not None:
                return scope.strict
        return 0


def not_writable(name: str) -> Exception:
    """A read-only variable was assigned."""
    return runtime_error(
        f"Cannot overwrite variable {name} because it is read-only or constant.",
        "VariableNotWritable",
        "WriteError",
        name,
        type_name="System.Management.Automation.SessionStateUnauthorizedAccessException",
        target_name=name,
        target_type="String",
    )
