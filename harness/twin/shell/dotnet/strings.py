"""Members of ``System.String``, ``System.Char``, ``StringBuilder`` and the encodings."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from harness.twin.shell.comparison import compare_text
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import Byte, Char, PSArray, PSEnum
from harness.twin.shell.regional import region_of
from harness.twin.shell.sizes import text_size
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.textops import format_text
from harness.twin.shell.typesystem import register_value_type

STRING: Final = "System.String"


def units_of(text: str) -> int:
    """How many of .NET's characters a text has: one beyond the plane counts twice."""
    return len(text) if text.isascii() else sum(2 if letter > "\uffff" else 1 for letter in text)


prop(str, "Length", units_of)


def _range_fault(name: str, text: str) -> Exception:
    return net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: {name}")


@method(str, "Substring", "int startIndex", "int startIndex, int length")
def substring(this: str, start: int, length: int | None = None) -> str:
    """Part of a string."""
    if start < 0:
        raise _range_fault("startIndex", "StartIndex cannot be less than zero.")
    if start > len(this):
        raise _range_fault("startIndex", "startIndex cannot be larger than length of string.")
    if length is None:
        return this[start:]
    if length < 0:
        raise _range_fault("length", "Length cannot be less than zero.")
    if start + length > len(this):
        raise _range_fault("length", "Index and length must refer to a location within the string.")
    return this[start : start + length]


def upper(text: str) -> str:
    """In capitals, letter by letter: one that would become two stays (``ß``)."""
    return text.upper() if text.isascii() else "".join(one if len(one.upper()) > 1 else one.upper() for one in text)


def lower(text: str) -> str:
    """In small letters, letter by letter."""
    return text.lower() if text.isascii() else "".join(one if len(one.lower()) > 1 else one.lower() for one in text)


for _label in ("", "Invariant"):
    method(str, f"ToUpper{_label}")(upper)
    method(str, f"ToLower{_label}")(lower)


def halves(text: str) -> str:
    """A text with characters beyond the plane as two halves."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(data[at] << 8 | data[at + 1]) for at in range(0, len(data), 2))


method(str, "Clone")(lambda this: this)
method(str, "Normalize")(lambda this: this)


def _cut(characters: Sequence[str] | None) -> str | None:
    return "".join(characters) if characters else None


method(str, "Trim", "", "params char[] trimChars")(lambda this, characters=None: this.strip(_cut(characters)))
method(str, "TrimStart", "", "params char[] trimChars")(lambda this, characters=None: this.lstrip(_cut(characters)))
method(str, "TrimEnd", "", "params char[] trimChars")(lambda this, characters=None: this.rstrip(_cut(characters)))


def _ignores(comparison: object) -> bool:
    return isinstance(comparison, PSEnum) and comparison.name.endswith("IgnoreCase")


def _folded(this: str, other: str, comparison: object) -> tuple[str, str]:
    return (this.lower(), other.lower()) if _ignores(comparison) else (this, other)


method(str, "Contains", "string value")(lambda this, value: value in this)


@method(
    str,
    "StartsWith",
    "string value",
    "string value, StringComparison comparisonType",
    "string value, bool ignoreCase, object culture",
)
def starts_with(this: str, value: str, comparison: object = None, _culture: object = None) -> bool:
    """Whether a string starts with another."""
    mine, other = (this.lower(), value.lower()) if comparison is True else _folded(this, value, comparison)
    return mine.startswith(other)


@method(
    str,
    "EndsWith",
    "string value",
    "string value, StringComparison comparisonType",
    "string value, bool ignoreCase, object culture",
)
def ends_with(this: str, value: str, comparison: object = None, _culture: object = None) -> bool:
    """Whether a string ends with another."""
    mine, other = (this.lower(), value.lower()) if comparison is True else _folded(this, value, comparison)
    return mine.endswith(other)


method(str, "IndexOfAny", "char[] anyOf")(
    lambda this, found: min((at for at in (this.find(one) for one in found) if at >= 0), default=-1)
)
method(str, "Replace", "string oldValue, string newValue", "char oldChar, char newChar")(
    lambda this, old, new: _replace(this, old, new)
)


def _replace(this: str, old: str, new: str) -> str:
    if not old:
        raise net_error("System.ArgumentException", "String cannot be of zero length.\r\nParameter name: oldValue")
    return this.replace(old, new)


@method(str, "Insert", "int startIndex, string value")
def insert(this: str, at: int, value: str) -> str:
    """A string with another put in."""
    if not 0 <= at <= len(this):
        raise _range_fault("startIndex", "Specified argument was out of the range of valid values.")
    return this[:at] + value + this[at:]


@method(str, "Remove", "int startIndex", "int startIndex, int count")
def remove(this: str, at: int, count: int | None = None) -> str:
    """A string without a part."""
    if at < 0 or at > len(this) or (count is not None and at + count > len(this)):
        raise _range_fault("count", "Index and count must refer to a location within the string.")
    return this[:at] if count is None else this[:at] + this[at + count :]


def _width(total: int) -> int:
    if total < 0:
        raise _range_fault("totalWidth", "Non-negative number required.")
    return text_size(total)


method(str, "PadLeft", "int totalWidth", "int totalWidth, char paddingChar")(
    lambda this, width, fill=" ": this.rjust(_width(width), fill)
)
method(str, "PadRight", "int totalWidth", "int totalWidth, char paddingChar")(
    lambda this, width, fill=" ": this.ljust(_width(width), fill)
)


@method(
    str,
    "Split",
    "params char[] separator",
    "char[] separator, int count",
    "char[] separator, StringSplitOptions options",
    "string[] separator, StringSplitOptions options",
    "char[] separator, int count, StringSplitOptions options",
    "string[] separator, int count, StringSplitOptions options",
)
def split(this: str, separators: Sequence[str] | None = None, second: object = None, third: object = None) -> PSArray:
    """Pieces between separators (5.1: the characters of a string are separators)."""
    options = second if isinstance(second, PSEnum) else third
    count = second if isinstance(second, int) else 0
    pattern = "|".join(re.escape(one) for one in separators if one) if separators else r"\s"
    pieces = re.split(pattern, this, maxsplit=max(count - 1, 0)) if pattern and (count != 1) else [this]
    if isinstance(options, PSEnum) and options.value & 1:
        pieces = [piece for piece in pieces if piece]
    return PSArray(pieces, STRING)


method(str, "CompareTo", "string value")(lambda this, other: _compare(this, other))
method(str, "Equals", "object value", "string value, StringComparison comparisonType")(
    lambda this, other, comparison=None: (
        isinstance(other, str) and _folded(this, other, comparison)[0] == _folded(this, other, comparison)[1]
    )
)
method(str, "ToString", "", "object provider")(lambda this, _provider=None: str(this))
method(str, "GetEnumerator")(lambda this: PSArray([Char(one) for one in this], "System.Char"))


def _compare(left: str, right: str, ignore_case: bool = False) -> int:
    return compare_text(left, right, ignore_case)


# ------------------------------------------------------------------------------------------------------------ statics

static_prop(STRING, "Empty", lambda: "")
static(STRING, "IsNullOrEmpty", "string value")(lambda value: not value)
static(STRING, "IsNullOrWhiteSpace", "string value")(lambda value: not value or not value.strip())
static(STRING, "Join", "string separator, params object[] values")(
    lambda separator, values: separator.join(to_text(one) for one in values)
)
static(STRING, "Concat", "params object[] values")(lambda values: "".join(to_text(one) for one in values))
static(STRING, "Compare", "string strA, string strB", "string strA, string strB, bool ignoreCase")(
    lambda left, right, ignore=False: _compare(left, right, ignore)
)
static(STRING, "Equals", "string a, string b")(lambda left, right: left == right)


@static(
    STRING,
    "Format",
    "string format, params object[] args",
    "CultureInfo provider, string format, params object[] args",
)
def string_format(first: object, *rest: object) -> str:
    """``[string]::Format``, in the culture that is given."""
    provider, template, arguments = (None, first, rest[0]) if len(rest) == 1 else (first, *rest)
    assert isinstance(arguments, list)  # noqa: S101 - the overload says so
    try:
        return format_text(to_text(template), arguments, None if provider is None else region_of(provider))
    except IndexError:
        raise net_error(
            "System.FormatException",
            "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
        ) from None
    except BadFormatError as fault:
        raise net_error("System.FormatException", str(fault)) from None


constructor(STRING, "char c, int count", "char[] value")(
    lambda first, count=None: "".join(first) if count is None else str(first) * text_size(count)
)

CHAR: Final = "System.Char"
for _name, _test in (
    ("IsDigit", str.isdigit),
    ("IsLetter", str.isalpha),
    ("IsLetterOrDigit", str.isalnum),
    ("IsUpper", str.isupper),
    ("IsLower", str.islower),
    ("IsWhiteSpace", str.isspace),
):
    static(CHAR, _name, "char c")(lambda value, test=_test: test(value))
static(CHAR, "ToUpper", "char c")(lambda value: Char(value.upper()))
static(CHAR, "ToLower", "char c")(lambda value: Char(value.lower()))
static(CHAR, "ConvertFromUtf32", "int utf32")(chr)


# --------------------------------------------------------------------------------------------------------- encodings


class Encoding:
    """``System.Text.Encoding``."""

    __slots__ = ("code_page", "codec", "full_name", "name")

    def __init__(self, name: str, codec: str, full_name: str, code_page: int) -> None:
        self.name = name
        self.codec = codec
        self.full_name = full_name
        self.code_page = code_page


ENCODINGS: Final[dict[str, Encoding]] = {
    "UTF8": Encoding("utf-8", "utf-8", "System.Text.UTF8Encoding", 65001),
    "Unicode": Encoding("utf-16", "utf-16-le", "System.Text.UnicodeEncoding", 1200),
    "BigEndianUnicode": Encoding("utf-16BE", "utf-16-be", "System.Text.UnicodeEncoding", 1201),
    "ASCII": Encoding("us-ascii", "ascii", "System.Text.ASCIIEncoding", 20127),
    "UTF32": Encoding("utf-32", "utf-32-le", "System.Text.UTF32Encoding", 12000),
    "Default": Encoding("Windows-1252", "cp1252", "System.Text.SBCSCodePageEncoding", 1252),
}
register_value_type(Encoding, lambda value: value.full_name if isinstance(value, Encoding) else "")
for _label in ENCODINGS:
    static_prop("System.Text.Encoding", _label, partial(ENCODINGS.__getitem__, _label))


@static("System.Text.Encoding", "GetEncoding", "string name", "int codepage")
def get_encoding(name: object) -> Encoding:
    """An encoding by name or number."""
    wanted = str(name).lower()
    for encoding in ENCODINGS.values():
        if wanted in (encoding.name.lower(), str(encoding.code_page)):
            return encoding
    return ENCODINGS["Default"]


for _full in ("System.Text.UTF8Encoding",):
    constructor(_full, "", "bool emit")(lambda _emit=False: ENCODINGS["UTF8"])


def named_encoding(name: str) -> Encoding:
    """An encoding by the name of its property of ``[Text.Encoding]``. Raises ``KeyError``."""
    return ENCODINGS[name]


def byte_list(data: bytes) -> PSArray:
    """``byte[]``."""
    return PSArray([Byte(one) for one in data], "System.Byte")


prop(Encoding, "EncodingName", lambda this: this.name)
prop(Encoding, "WebName", lambda this: this.name)
prop(Encoding, "BodyName", lambda this: this.name)
prop(Encoding, "CodePage", lambda this: this.code_page)
method(Encoding, "GetBytes", "string s")(lambda this, text: byte_list(text.encode(this.codec, "replace")))
method(Encoding, "GetByteCount", "string s")(lambda this, text: len(text.encode(this.codec, "replace")))


@method(Encoding, "GetString", "byte[] bytes", "byte[] bytes, int index, int count")
def get_string(this: Encoding, data: list[int] | None, start: int = 0, count: int | None = None) -> str:
    """Bytes as text."""
    if data is None:
        raise net_error("System.ArgumentNullException", "Array cannot be null.\r\nParameter name: bytes")
    raw = bytes(data)[start : None if count is None else start + count]
    return raw.decode(this.codec, "replace")


CONVERT: Final = "System.Convert"
static(CONVERT, "ToBase64String", "byte[] inArray", "byte[] inArray, Base64FormattingOptions options")(
    lambda data, _options=None: base64.b64encode(bytes(data)).decode("ascii")
)


@static(CONVERT, "FromBase64String", "string s")
def from_base64(text: str) -> PSArray:
    """Base64 to bytes."""
    try:
        return byte_list(base64.b64decode(re.sub(r"\s", "", text), validate=True))
    except ValueError:
        raise net_error(
            "System.FormatException",
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two "
            "padding characters, "
            "or an illegal character among the padding characters. ",
        ) from None


static("System.BitConverter", "ToString", "byte[] value")(lambda data: "-".join(f"{one:02X}" for one in data))

__all__ = ["Any", "Encoding", "byte_list", "net_text"]
