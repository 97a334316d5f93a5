"""``[regex]``: matches, groups, statics."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from harness.twin.shell.conversion import bad_cast, caster
from harness.twin.shell.dotnet.registry import constructor, method, prop, static
from harness.twin.shell.errors import NetException, net_error
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.objects import NetList, PSArray, PSEnum
from harness.twin.shell.regexes import BadPatternError, NetRegex, compile_regex, expand_replacement
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.textops import split_regex
from harness.twin.shell.typesystem import ENUMS, TypeRef, register_value_type

REGEX: Final = "System.Text.RegularExpressions.Regex"


def _shown_name(regex: NetRegex, name: str, number: int) -> str:
    """The name of a group; an unnamed one is called by its number."""
    found = next((key for key, value in regex.pattern.groupindex.items() if value == number), name)
    return found.removeprefix("num_")


class Group:
    """A group of a match."""

    __slots__ = ("index", "length", "name", "success", "value")

    def __init__(self, name: str, match: re.Match[str] | None, number: int) -> None:
        self.name = name
        start = match.start(number) if match is not None else -1
        self.success = start >= 0
        self.index = max(start, 0)
        self.value = (match.group(number) or "") if match is not None and self.success else ""
        self.length = len(self.value)


class Groups(NetList):
    """The groups of a match, by number and by name."""

    __slots__ = ("by_name",)

    def __init__(self, groups: list[Group]) -> None:
        super().__init__(groups, "System.Text.RegularExpressions.GroupCollection")
        self.by_name = {group.name: group for group in groups}


class Match(Group):
    """A match."""

    __slots__ = ("groups", "regex", "source", "text")

    def __init__(self, regex: NetRegex, match: re.Match[str] | None, source: str) -> None:
        super().__init__("0", match, 0)
        self.regex = regex
        self.source = match
        self.text = source
        seen: set[int] = {0}
        groups: list[Group] = [self]
        for name, number in regex.numbers.items():
            shown = _shown_name(regex, name, number)
            if number not in seen:
                seen.add(number)
                groups.append(Group(shown, match, number))
        self.groups = Groups(groups)


register_value_type(Group, "System.Text.RegularExpressions.Group")
register_value_type(
    Match,
    "System.Text.RegularExpressions.Match",
    (
        "System.Text.RegularExpressions.Match",
        "System.Text.RegularExpressions.Group",
        "System.Text.RegularExpressions.Capture",
        "System.Object",
    ),
)
register_value_type(Groups, "System.Text.RegularExpressions.GroupCollection")
register_value_type(NetRegex, REGEX)
for _class in (Group, Match):
    register_text(_class, lambda value: value.value if isinstance(value, Group) else "")
register_text(NetRegex, lambda value: value.source if isinstance(value, NetRegex) else "")
prop(Match, "Groups", lambda this: this.groups)
prop(Group, "Success", lambda this: this.success)
prop(Group, "Name", lambda this: this.name)
prop(
    Group,
    "Captures",
    lambda this: NetList([this] if this.success else [], "System.Text.RegularExpressions.CaptureCollection"),
)
prop(Group, "Index", lambda this: this.index)
prop(Group, "Length", lambda this: this.length)
prop(Group, "Value", lambda this: this.value)
method(Groups, "get_Item", "string name", "int groupnum")(
    lambda this, key: (
        this.by_name.get(key, Group(str(key), None, 0))
        if isinstance(key, str)
        else (this[key] if 0 <= key < len(this) else Group(str(key), None, 0))
    )
)


@method(Match, "NextMatch")
def next_match(this: Match) -> Match:
    """The match after this one; an unsuccessful one when there is none."""
    if this.source is None:
        return this
    start = this.source.end() + (1 if this.source.end() == this.source.start() else 0)
    return Match(
        this.regex, this.regex.pattern.search(this.text, start) if start <= len(this.text) else None, this.text
    )


method(Match, "Result", "string replacement")(lambda this, text: expand_replacement(this.regex, text)(this.source))


def _options(value: object) -> int:
    return value.value if isinstance(value, PSEnum) else 0


def _regex(pattern: str, options: object = None) -> NetRegex:
    try:
        return compile_regex(pattern, _options(options))
    except BadPatternError as fault:
        raise net_error("System.ArgumentException", str(fault)) from None


def _match(regex: NetRegex, text: str) -> Match:
    return Match(regex, regex.pattern.search(text), text)


def _matches(regex: NetRegex, text: str) -> NetList:
    found = [Match(regex, one, text) for one in regex.pattern.finditer(text)]
    return NetList(found, "System.Text.RegularExpressions.MatchCollection")


def _replace(regex: NetRegex, text: str, replacement: object, count: int = 0) -> str:
    if isinstance(replacement, ScriptBlock):
        block: Any = replacement

        def evaluate(match: re.Match[str]) -> str:
            rs = current()
            frame = rs.frames[-1] if rs.frames else rs.frame()
            return to_text(one_value(call_block(rs, block, [Match(regex, match, text)], frame.scope, frame.streams)))

        return regex.pattern.sub(evaluate, text, count=count)
    return regex.pattern.sub(expand_replacement(regex, to_text(replacement)), text, count=count)


static(
    REGEX,
    "Match",
    "string input, string pattern",
    "string input, string pattern, System.Text.RegularExpressions.RegexOptions options",
)(lambda text, pattern, options=None: _match(_regex(pattern, options), text))
static(
    REGEX,
    "Matches",
    "string input, string pattern",
    "string input, string pattern, System.Text.RegularExpressions.RegexOptions options",
)(lambda text, pattern, options=None: _matches(_regex(pattern, options), text))
static(
    REGEX,
    "IsMatch",
    "string input, string pattern",
    "string input, string pattern, Text.RegularExpressions.RegexOptions options",
)(lambda text, pattern, options=None: _regex(pattern, options).pattern.search(text) is not None)
static(
    REGEX,
    "Replace",
    "string input, string pattern, object replacement",
    "string input, string pattern, object replacement, Text.RegularExpressions.RegexOptions options",
)(lambda text, pattern, replacement, options=None: _replace(_regex(pattern, options), text, replacement))
static(
    REGEX,
    "Split",
    "string input, string pattern",
    "string input, string pattern, Text.RegularExpressions.RegexOptions options",
)(lambda text, pattern, options=None: PSArray(split_regex(_regex(pattern, options), text, 0), "System.String"))
static(REGEX, "Escape", "string str")(
    lambda text: (
        re.sub(r"[\\*+?|{\[()^$.# ]", lambda found: f"\\{found.group(0)}", text)
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\r", "\\r")
    )
)
static(REGEX, "Unescape", "string str")(lambda text: re.sub(r"\\(.)", r"\1", text))
constructor(REGEX, "string pattern", "string pattern, Text.RegularExpressions.RegexOptions options")(_regex)
method(NetRegex, "Match", "string input", "string input, int startat")(
    lambda this, text, start=0: Match(this, this.pattern.search(text, start), text)
)
method(NetRegex, "Matches", "string input")(_matches)
method(NetRegex, "GetGroupNames")(
    lambda this: PSArray(dict.fromkeys(_shown_name(this, *one) for one in this.numbers.items()), "System.String")
)
method(NetRegex, "GetGroupNumbers")(lambda this: PSArray(dict.fromkeys(this.numbers.values()), "System.Int32"))
method(NetRegex, "GroupNumberFromName", "string name")(lambda this, name: this.numbers.get(name, -1))
method(NetRegex, "IsMatch", "string input")(lambda this, text: this.pattern.search(text) is not None)
method(NetRegex, "Replace", "string input, object replacement", "string input, object replacement, int count")(_replace)
method(NetRegex, "Split", "string input", "string input, int count")(
    lambda this, text, count=0: PSArray(split_regex(this, text, count), "System.String")
)
_OPTIONS: Final = ENUMS["system.text.regularexpressions.regexoptions"]
prop(NetRegex, "Options", lambda this: _OPTIONS(this.options))
prop(NetRegex, "MatchTimeout", lambda _this: timedelta(milliseconds=-1))
prop(NetRegex, "RightToLeft", lambda this: bool(this.options & 64))
method(NetRegex, "ToString")(lambda this: this.source)


@caster(REGEX)
def to_regex(value: object, _target: TypeRef) -> NetRegex:
    """``[regex]'pattern'``."""
    if isinstance(value, NetRegex):
        return value
    try:
        return compile_regex(to_text(value))
    except BadPatternError as fault:
        inner = NetException("System.ArgumentException", str(fault))
        raise bad_cast(value, REGEX, "InvalidCastFromStringToRegex", str(fault), inner) from None
