"""Small classes of everyday scripts: text of a culture, wildcard patterns, hashes, HTML texts, other dictionaries."""

from __future__ import annotations

import hashlib
import html
import math
from decimal import Decimal
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from harness.twin.shell.conversion import convert, to_bool
from harness.twin.shell.dotnet.cultures import Culture
from harness.twin.shell.dotnet.mathstatics import round_number
from harness.twin.shell.dotnet.registry import constructor, method, prop, static
from harness.twin.shell.objects import NOTHING, Byte, Entry, NetList, PSArray, PSHashtable
from harness.twin.shell.regexes import wildcard
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typesystem import TypeRef, register_type, register_value_type

_WILDCARD: Final = "System.Management.Automation.WildcardPattern"


# --- texts of cultures


class TextInfo:
    """The writing of a culture; it follows English."""

    __slots__ = ("culture",)

    def __init__(self, culture: Culture) -> None:
        self.culture = culture


def _title(_: TextInfo, text: str) -> str:
    """Words that are not all capitals get a capital and small letters."""
    words = text.split(" ")
    return " ".join(one if len(one) > 1 and one.isupper() else one[:1].upper() + one[1:].lower() for one in words)


register_type("System.Globalization.TextInfo")
register_value_type(TextInfo, "System.Globalization.TextInfo")
register_text(TextInfo, lambda value: f"TextInfo - {value.culture.name}" if isinstance(value, TextInfo) else "")
prop(TextInfo, "ANSICodePage", lambda _: 1252)
prop(TextInfo, "OEMCodePage", lambda _: 437)
prop(TextInfo, "LCID", lambda this: this.culture.facts[0])
prop(TextInfo, "CultureName", lambda this: this.culture.name)
prop(TextInfo, "IsReadOnly", lambda _: False)
prop(TextInfo, "ListSeparator", lambda _: ",")
prop(TextInfo, "IsRightToLeft", lambda _: False)
prop(Culture, "TextInfo", TextInfo)
method(TextInfo, "ToTitleCase", "string str")(_title)
method(TextInfo, "ToUpper", "string str")(lambda _, text: text.upper())
method(TextInfo, "ToLower", "string str")(lambda _, text: text.lower())


# --- wildcard patterns


class WildcardPattern:
    """A pattern; without options its case counts."""

    __slots__ = ("pattern",)

    def __init__(self, text: str, options: object = None) -> None:
        self.pattern = wildcard(text, "ignorecase" in to_text(options).lower() if options is not None else False)


register_value_type(WildcardPattern, _WILDCARD)
constructor(_WILDCARD, "string pattern", "string pattern, object options")(WildcardPattern)
static(_WILDCARD, "Get", "string pattern, object options")(WildcardPattern)
method(WildcardPattern, "IsMatch", "string input")(lambda this, text: this.pattern.match(text) is not None)


# --- hashes


class HashAlgorithm:
    """A hash of bytes."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _digest(this: HashAlgorithm, data: object) -> PSArray:
    octets = bytes(int(convert(one, TypeRef("System.Byte"))) for one in data)  # type: ignore[attr-defined, call-overload]
    return PSArray([Byte(one) for one in hashlib.new(this.name.lower(), octets).digest()], "System.Byte")


for _name in ("MD5", "SHA1", "SHA256", "SHA384", "SHA512"):
    register_type(f"System.Security.Cryptography.{_name}")
    static(f"System.Security.Cryptography.{_name}", "Create")(lambda name=_name: HashAlgorithm(name))
register_value_type(HashAlgorithm, "System.Security.Cryptography.HashAlgorithm")
method(HashAlgorithm, "ComputeHash", "byte[] buffer")(_digest)
method(HashAlgorithm, "Dispose")(lambda _: NOTHING)


# --- texts of the web

_WEB: Final = "System.Net.WebUtility"
register_type(_WEB)
static(_WEB, "HtmlEncode", "string value")(lambda text: html.escape(text).replace("&#x27;", "&#39;"))
static(_WEB, "HtmlDecode", "string value")(html.unescape)
static(_WEB, "UrlEncode", "string value")(lambda text: quote_plus(text, safe="!*()-._"))
static(_WEB, "UrlDecode", "string value")(unquote_plus)


# --- other dictionaries

for _name in ("ListDictionary", "HybridDictionary"):
    _full = f"System.Collections.Specialized.{_name}"
    register_type(_full)
    constructor(_full, "")(lambda full=_full: PSHashtable((), full, case_sensitive=True))
constructor("System.Collections.Specialized.StringCollection", "")(
    lambda: NetList((), "System.Collections.Specialized.StringCollection")
)
constructor("System.Collections.DictionaryEntry", "object key, object value")(Entry)
static("System.Collections.Hashtable", "Synchronized", "hashtable table")(lambda table: table)


# --- the rest

_PRIMITIVES: Final = "System.Management.Automation.LanguagePrimitives"
register_type(_PRIMITIVES)
static(_PRIMITIVES, "ConvertTo", "object valueToConvert, type resultType")(convert)
static(_PRIMITIVES, "IsTrue", "object obj")(to_bool)
static("System.Management.Automation.PSObject", "AsPSObject", "object obj")(lambda value: value)
for _name, _round in (("Floor", math.floor), ("Ceiling", math.ceil), ("Truncate", math.trunc)):
    static("System.Decimal", _name, "decimal d")(lambda value, function=_round: Decimal(function(value)))
static("System.Decimal", "Round", "decimal d", "decimal d, int decimals")(round_number)
