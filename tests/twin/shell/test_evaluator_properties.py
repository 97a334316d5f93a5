"""What holds for any script that parses: it ends with output and PowerShell errors, never with an error of the shell's
own; and nothing that is formatted gets lost."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.twin.conformance.running import CaseHost
from harness.twin.shell.errors import ExitSignal, PipelineStopped, PSError
from harness.twin.shell.formatting import render
from harness.twin.shell.parser import parse
from harness.twin.shell.shell import Runspace, run_tree
from tests.examples import examples

STEPS = 2_000
"""Turns of loops and calls that a script may take before it is stopped."""


MOST_MEMORY = 4 * 2**30
"""Address space of the process meanwhile, in bytes."""


class ImpatientHost(CaseHost):
    """Stops a script that goes on for too long."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def breathe(self) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise PipelineStopped


def shown(script: str, width: int = 80) -> str:
    """What a console shows of a script's output; nothing of one that does not parse."""
    found = parse(script)
    output: list[object] = []
    if found.errors:
        return ""
    runspace = Runspace(ImpatientHost())
    try:
        run_tree(runspace, found, output.append)
    except PSError as error:
        output.append(error.record)
    except (ExitSignal, PipelineStopped):
        pass
    try:
        return render(runspace, output, width)
    except PSError as error:  # parts of a table that a script took out of their order
        return render(runspace, [error.record], width)


@pytest.fixture(scope="module", autouse=True)
def _bounds() -> Iterator[None]:
    """A script that takes all memory fails here instead of ending the machine's other work.

    The first session raises the recursion limit, which must not happen inside a test of hypothesis.
    """
    shown("1")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


# --- scripts

LITERALS = st.sampled_from(
    [
        *(
            "$null",
            "$true",
            "$false",
            "0",
            "1",
            "-1",
            "7",
            "2147483647",
            "9223372036854775807",
            "3.5",
            "1e300",
            "0.1d",
            "2gb",
        ),
        *(
            "''",
            "'a'",
            "'B c'",
            "'12'",
            "' 3 '",
            "'x,y'",
            "'2025-11-11'",
            "'1.2.3.4'",
            '"`n"',
            "'(a'",
            "'*'",
            "[char]65",
        ),
        *(
            "@()",
            "@(1)",
            "(1,2,3)",
            "('a','b')",
            "@(1,'a',$null)",
            "(1..4)",
            "@{}",
            "@{a=1;b='x'}",
            "[ordered]@{z=1;a=2}",
        ),
        *("[datetime]'2025-11-11'", "[timespan]'01:02:03'", "[version]'1.2.3'", "[guid]::Empty", "[int]", "[string]"),
        *("[pscustomobject]@{n=1;s='x'}", "{ $_ }", "{ param($q) $q }", "[dayofweek]'Monday'", "[regex]'a+'"),
        *(
            "[xml]'<a b=\"1\"><c>t</c></a>'",
            "(Get-Date 0)",
            "[math]::PI",
            "[decimal]'1.50'",
            "[byte]200",
            "[System.Collections.ArrayList]@(1,2)",
        ),
    ]
)
OPERATORS = st.sampled_from(
    [
        *("+", "-", "*", "/", "%", "..", "-f", "-eq", "-ne", "-gt", "-ge", "-lt", "-le", "-like", "-notlike", "-match"),
        *(
            "-notmatch",
            "-replace",
            "-split",
            "-join",
            "-contains",
            "-notcontains",
            "-in",
            "-notin",
            "-is",
            "-isnot",
            "-as",
        ),
        *(
            "-and",
            "-or",
            "-xor",
            "-band",
            "-bor",
            "-bxor",
            "-shl",
            "-shr",
            "-ceq",
            "-creplace",
            "-csplit",
            "-cmatch",
            ",",
        ),
    ]
)
CASTS = st.sampled_from(
    [
        *(
            "[int]",
            "[long]",
            "[double]",
            "[decimal]",
            "[string]",
            "[bool]",
            "[char]",
            "[byte]",
            "[datetime]",
            "[timespan]",
        ),
        *(
            "[version]",
            "[guid]",
            "[xml]",
            "[regex]",
            "[string[]]",
            "[int[]]",
            "[array]",
            "[hashtable]",
            "[pscustomobject]",
        ),
        *(
            "[scriptblock]",
            "[type]",
            "[uri]",
            "[ipaddress]",
            "[dayofweek]",
            "[object]",
            "[void]",
            "[ordered]",
            "[switch]",
        ),
        *("-not ", "!", "-", "+", "-bnot ", "-join ", "-split ", ",", "@", "$", "&", "++"),
    ]
)
TAILS = st.sampled_from(
    [
        *(
            ".Length",
            ".Count",
            ".a",
            ".'n'",
            "[0]",
            "[-1]",
            "[0,1]",
            "['a']",
            "[99]",
            ".GetType()",
            ".GetType().Name",
            ".ToString()",
        ),
        *(
            ".ToString('N2')",
            ".ToUpper()",
            ".Split(',')",
            ".Replace('a','b')",
            ".Substring(1)",
            ".Substring(5,9)",
            ".Trim()",
            ".Keys",
        ),
        *(
            ".Add(1)",
            ".Contains('a')",
            ".ContainsKey('a')",
            ".AddDays(1)",
            ".TotalHours",
            ".Major",
            ".PSObject.Properties",
            ".nothing",
        ),
        *(
            ".Nothing()",
            "::Parse('1')",
            "::MaxValue",
            "::new()",
            ".ForEach({$_})",
            ".Where({$_})",
            ".CompareTo(1)",
            ".IndexOf('b')",
        ),
        *(
            ".PSObject.TypeNames",
            ".SelectNodes('//c')",
            ".OuterXml",
            ".Invoke(1)",
            ".PadLeft(5)",
            ".Equals($null)",
            ".GetEnumerator()",
        ),
    ]
)
COMMANDS = st.sampled_from(
    [
        *(
            "Sort-Object",
            "Sort-Object -Descending",
            "Sort-Object Length,n",
            "Select-Object -First 1",
            "Select-Object -Last 2",
        ),
        *(
            "Select-Object n,s",
            "Select-Object *",
            "Select-Object -ExpandProperty n",
            "Select-Object @{n='q';e={$_}}",
            "Select-Object -Unique",
        ),
        *(
            "Where-Object { $_ }",
            "Where-Object n -eq 1",
            "Where-Object Length -gt 1",
            "ForEach-Object { $_; $_ }",
            "ForEach-Object Length",
        ),
        *(
            "ForEach-Object ToString",
            "Group-Object",
            "Group-Object n -AsHashTable",
            "Measure-Object",
            "Measure-Object -Sum -Average",
        ),
        *(
            "Measure-Object -Line -Word -Character",
            "ConvertTo-Json",
            "ConvertTo-Json -Compress -Depth 1",
            "ConvertFrom-Json",
            "ConvertTo-Csv",
        ),
        *(
            "ConvertTo-Xml -As String",
            "ConvertFrom-Csv",
            "Format-Table",
            "Format-List *",
            "Format-Wide",
            "Format-Custom",
            "Out-String",
        ),
        *(
            "Out-String -Width 20",
            "Out-Null",
            "Select-String a",
            "Select-String '('",
            "Get-Member",
            "Get-Unique",
            "Tee-Object -Variable t",
        ),
        *(
            "Write-Output",
            "Write-Host",
            "Write-Error",
            "Write-Warning",
            "Get-Date",
            "New-TimeSpan",
            "Join-Path -ChildPath x",
            "Split-Path",
        ),
        *(
            "Compare-Object 1,2",
            "Get-Random",
            "Out-File x.txt",
            "Set-Variable v",
            "Test-Path",
            "Get-Item",
            "ConvertFrom-StringData",
            "Add-Member n2 3 -PassThru",
        ),
        *(
            "% { $_ } { $_ } { $_ }",
            "? -not n",
            "select -f 2",
            "ConvertTo-Html",
            "Export-Clixml c.xml",
            "Format-Table n,@{n='w';e={$_.s};w=3} -AutoSize",
            "Write-Verbose -Verbose",
        ),
    ]
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions made of smaller ones."""
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("({}{})".format, CASTS, inner),
        st.builds("({}){}".format, inner, TAILS),
        st.builds("({} | {})".format, inner, COMMANDS),
        st.builds('"<$({})>"'.format, inner),
        st.builds("@({}; {})".format, inner, inner),
        st.builds("@{{k={};l={}}}".format, inner, inner),
        st.builds("$(if ({}) {{ {} }} else {{ {} }})".format, inner, inner, inner),
        st.builds("(& {{ param($p) $p; $args }} {} {})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(LITERALS, combined, max_leaves=6)
STATEMENTS = st.one_of(
    EXPRESSIONS,
    st.builds("$x = {}; $x".format, EXPRESSIONS),
    st.builds("$x = {}; $x += {}; $x".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("$x = {}; $x[0] = {}; $x".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("$x = {}; $x.a = {}; $x".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("$x, $y = {}; $y".format, EXPRESSIONS),
    st.builds("foreach ($i in {}) {{ $i; {} }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("switch ({}) {{ {} {{ 1 }} default {{ $_ }} }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("switch -Regex ({}) {{ {} {{ $Matches }} }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("try {{ throw {} }} catch {{ $_; {} }} finally {{ 'f' }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("function f([int]$a, $b = {}) {{ $a; $b }}; f {}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("$i = 0; while ($i++ -lt 3) {{ {}; if ({}) {{ break }} }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("{} | % {{ $_ }} -End {{ {} }}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("$ErrorActionPreference = 'Stop'; {}".format, EXPRESSIONS),
    st.builds("{} 2>&1 | Out-String".format, EXPRESSIONS),
    st.builds("[pscustomobject]@{{a={};b={}}} | Format-Table -AutoSize | Out-String".format, EXPRESSIONS, EXPRESSIONS),
)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_any_script_ends_as_powershell_ends(statements: list[str]) -> None:
    shown("\n".join(statements))


# --- rows

CELLS = st.one_of(
    st.none(),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="'‘’‚‛"), max_size=60),
    st.sampled_from(["two\nlines", "tab\there", " ", "日本語の文", "x" * 300, "a  b", "…", "\u00a0"]),
    st.lists(st.integers(0, 9), max_size=6),
)
NAMES = st.lists(st.sampled_from(["a", "Bee", "LongNameOfAColumn", "x y", "_1", "ß"]), unique=True, max_size=5)


def literal(cell: object) -> str:
    """A cell as PowerShell text."""
    if cell is None:
        return "$null"
    if isinstance(cell, list):
        return f"@({','.join(map(str, cell))})"
    return f"'{cell}'" if isinstance(cell, str) else f"({cell!r})"


def row_id(number: int) -> str:
    """Two letters, so that the narrowest column shows them whole."""
    return f"{chr(97 + number // 26)}{chr(97 + number % 26)}"


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], str]:
    """Ids, and a script that makes one object for each, with the id first and other columns behind."""
    names = draw(NAMES)
    ids = [row_id(number) for number in range(draw(st.integers(1, 12)))]
    rows = []
    for key in ids:
        cells = "; ".join(f"'{name}'={literal(draw(CELLS))}" for name in names)
        rows.append(f"[pscustomobject][ordered]@{{id='{key}'; {cells}}}")
    return ids, "\n".join(rows)


def first_words(text: str) -> list[str]:
    """The first word of each line that does not begin with a blank."""
    return [line.split()[0] for line in text.splitlines() if line[:1].strip()]


@pytest.mark.parametrize(
    "command",
    ["", "| Format-Table", "| Format-Table -AutoSize", "| Format-Table -Wrap", "| Format-Table * -HideTableHeaders"],
)
@settings(max_examples=examples(40), deadline=None)
@given(tables(), st.integers(24, 130))
def test_a_table_shows_each_row_in_its_order(command: str, table: tuple[list[str], str], width: int) -> None:
    ids, script = table
    text = shown(f"@(\n{script}\n) {command}", width)
    entries = re.findall(r"(?m)^id +: (.*)$", text)
    if entries and command == "":
        found = [entry.strip() for entry in entries]
    else:
        found = [word for word in first_words(text) if word in ids]
    assert found == ids


@settings(max_examples=examples(60), deadline=None)
@given(tables(), st.integers(40, 130))
def test_a_list_shows_each_row_in_its_order(table: tuple[list[str], str], width: int) -> None:
    ids, script = table
    text = shown(f"@(\n{script}\n) | Format-List *", width)
    assert [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("id ")] == ids


@pytest.mark.parametrize("command", ["Format-Wide id", "Format-Wide id -Column 3", "Format-Wide id -AutoSize"])
@settings(max_examples=examples(30), deadline=None)
@given(tables(), st.integers(24, 130))
def test_a_wide_view_shows_each_row_in_its_order(command: str, table: tuple[list[str], str], width: int) -> None:
    ids, script = table
    assert shown(f"@(\n{script}\n) | {command}", width).split() == ids


@settings(max_examples=examples(60), deadline=None)
@given(
    tables(),
    st.sampled_from(["ConvertTo-Csv -NoTypeInformation", "ConvertTo-Json", "ConvertTo-Html -Fragment", "Out-String"]),
)
def test_converted_rows_are_all_there(table: tuple[list[str], str], command: str) -> None:
    ids, script = table
    text = shown(f"@(\n{script}\n) | {command}", 300)
    assert all(key in text for key in ids)


@settings(max_examples=examples(40), deadline=None)
@given(tables(), st.integers(20, 130))
def test_groups_of_a_table_lose_no_row(table: tuple[list[str], str], width: int) -> None:
    ids, script = table
    text = shown(f"@(\n{script}\n) | Sort-Object {{ $_.id[1] }} | Format-Table id -GroupBy {{ $_.id[1] }}", width)
    assert [word for word in first_words(text) if word in ids] == ids
