"""The closed sets of values that nodes carry: operators, kinds, flags, variable names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum


class BinaryOperator(StrEnum):
    """Binary operators; a comparison without ``c`` or ``i`` before its name is the ``I…`` member."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"
    FORMAT = "-f"
    RANGE = ".."
    AND = "-and"
    OR = "-or"
    XOR = "-xor"
    BAND = "-band"
    BOR = "-bor"
    BXOR = "-bxor"
    SHL = "-shl"
    SHR = "-shr"
    AS = "-as"
    IS = "-is"
    IS_NOT = "-isnot"
    JOIN = "-join"
    IEQ = "-ieq"
    INE = "-ine"
    IGE = "-ige"
    IGT = "-igt"
    ILE = "-ile"
    ILT = "-ilt"
    ILIKE = "-ilike"
    INOTLIKE = "-inotlike"
    IMATCH = "-imatch"
    INOTMATCH = "-inotmatch"
    IREPLACE = "-ireplace"
    ICONTAINS = "-icontains"
    INOTCONTAINS = "-inotcontains"
    IIN = "-iin"
    INOTIN = "-inotin"
    ISPLIT = "-isplit"
    CEQ = "-ceq"
    CNE = "-cne"
    CGE = "-cge"
    CGT = "-cgt"
    CLE = "-cle"
    CLT = "-clt"
    CLIKE = "-clike"
    CNOTLIKE = "-cnotlike"
    CMATCH = "-cmatch"
    CNOTMATCH = "-cnotmatch"
    CREPLACE = "-creplace"
    CCONTAINS = "-ccontains"
    CNOTCONTAINS = "-cnotcontains"
    CIN = "-cin"
    CNOTIN = "-cnotin"
    CSPLIT = "-csplit"

    @property
    def case_sensitive(self) -> bool:
        """Whether it is one of the ``-c…`` comparisons."""
        return self.name[0] == "C"

    @property
    def family(self) -> str:
        """The name without dash and case letter: ``eq`` for ``-eq``, ``-ieq`` and ``-ceq``; symbols as they are."""
        if self.value[0] != "-" or len(self.value) == 1:
            return self.value
        return self.value[2:] if self.name in _CASED else self.value[1:]


_CASED = frozenset(
    member.name
    for member in BinaryOperator
    if member.name[0] in "CI" and member not in (BinaryOperator.IS, BinaryOperator.IS_NOT)
)


class UnaryOperator(StrEnum):
    """Unary operators; the two spellings of *not* are kept apart, as in PowerShell."""

    NOT = "-not"
    EXCLAIM = "!"
    BNOT = "-bnot"
    PLUS = "+"
    MINUS = "-"
    COMMA = ","
    JOIN = "-join"
    ISPLIT = "-isplit"
    CSPLIT = "-csplit"
    PREFIX_INCREMENT = "++x"
    PREFIX_DECREMENT = "--x"
    POSTFIX_INCREMENT = "x++"
    POSTFIX_DECREMENT = "x--"


class AssignmentOperator(StrEnum):
    """Assignment operators."""

    EQUALS = "="
    PLUS_EQUALS = "+="
    MINUS_EQUALS = "-="
    MULTIPLY_EQUALS = "*="
    DIVIDE_EQUALS = "/="
    REMAINDER_EQUALS = "%="


class NumberKind(Enum):
    """The .NET type of a numeric literal in 5.1."""

    INT32 = "System.Int32"
    INT64 = "System.Int64"
    DOUBLE = "System.Double"
    DECIMAL = "System.Decimal"


class StringKind(Enum):
    """How a string literal was written; ``BARE_WORD`` is a command name, argument or member name without quotes."""

    BARE_WORD = "BareWord"
    SINGLE_QUOTED = "SingleQuoted"
    DOUBLE_QUOTED = "DoubleQuoted"
    SINGLE_QUOTED_HERE = "SingleQuotedHereString"
    DOUBLE_QUOTED_HERE = "DoubleQuotedHereString"


class InvocationOperator(StrEnum):
    """What stands before a command's name: nothing, ``&`` or ``.``."""

    NONE = ""
    AMPERSAND = "&"
    DOT = "."


class RedirectionStream(IntEnum):
    """Streams of a redirection by their number in PowerShell's source; ``ALL`` is ``*``."""

    ALL = 0
    OUTPUT = 1
    ERROR = 2
    WARNING = 3
    VERBOSE = 4
    DEBUG = 5
    INFORMATION = 6


class TypeKind(Enum):
    """What a type definition defines."""

    CLASS = "class"
    ENUM = "enum"
    INTERFACE = "interface"


@dataclass(frozen=True, slots=True)
class SwitchFlags:
    """Options of ``switch``; without regex, wildcard and exact, comparison is by equality."""

    regex: bool = False
    wildcard: bool = False
    exact: bool = False
    case_sensitive: bool = False
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class ScriptRequirements:
    """What ``#requires`` lines ask for; ``version`` and ``edition`` as written, ``modules`` as source text each."""

    version: str | None = None
    modules: tuple[str, ...] = ()
    run_as_administrator: bool = False
    edition: str | None = None
    shell_id: str | None = None
    snap_ins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VariablePath:
    """A variable's name: ``text`` as written without ``$`` and braces; ``qualifier`` in lower case, without the colon.

    Qualifiers ``global``, ``local``, ``script``, ``private``, ``using``, ``workflow`` and ``variable`` are scopes, any
    other is a drive (``env``, ``function`` …).
    """

    text: str
    qualifier: str | None
    name: str

    @property
    def scope(self) -> str | None:
        """The qualifier, when it names a scope."""
        return self.qualifier if self.qualifier in _SCOPES else None

    @property
    def drive(self) -> str | None:
        """The qualifier, when it names a drive."""
        return None if self.qualifier in _SCOPES else self.qualifier


_SCOPES = frozenset({"global", "local", "script", "private", "using", "workflow", "variable"})
