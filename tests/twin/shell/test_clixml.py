"""CLIXML: what is written can be read, and what is read is written again the same way."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.conformance.running import CaseHost, run_script
from harness.twin.shell.clixml import CLOSE, OPEN, Serializer, serialize
from harness.twin.shell.clixmlreader import Reader, deserialize
from harness.twin.shell.clixmltext import (
    date_text,
    escaped,
    laid_out,
    read_date,
    read_real,
    read_span,
    real_text,
    span_text,
    unescaped,
)
from harness.twin.shell.errors import NetError
from harness.twin.shell.objects import (
    Byte,
    Char,
    Int64,
    NetList,
    NoteProperty,
    PSArray,
    PSHashtable,
    PSObject,
    bare_value,
)
from harness.twin.shell.session import enter
from harness.twin.shell.shell import Runspace
from harness.twin.shell.versions import Version
from tests.examples import examples

HEAD = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
TEXT = st.text(st.characters(exclude_characters="\ufffe\uffff", exclude_categories=("Cs",)), max_size=20)
MOMENT = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - readings without a zone
SPAN = st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000))
SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(allow_nan=False),
    st.decimals(-(10**20), 10**20, places=4),
    TEXT,
    MOMENT,
    SPAN,
    st.uuids(),
    st.binary(max_size=12).map(lambda data: PSArray([Byte(one) for one in data], "System.Byte")),
    st.tuples(*[st.integers(0, 9999)] * 4).map(lambda parts: Version(*parts)),
    st.characters(max_codepoint=0xD7FF).map(Char),
)


def _bag(pairs: dict[str, object]) -> PSObject:
    return PSObject(pairs)


VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(lambda items: NetList(items, "System.Collections.Queue")),
        st.lists(inner, max_size=3).map(lambda items: NetList(items, "System.Collections.Stack")),
        st.dictionaries(TEXT.filter(bool), inner, max_size=4).map(lambda pairs: PSHashtable(list(pairs.items()))),
        st.dictionaries(TEXT.filter(bool), inner, max_size=4).map(_bag),
    ),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def session() -> Runspace:
    made = Runspace(CaseHost())
    enter(made)
    return made


def _written(rs: Runspace, value: object) -> str:
    return f"{OPEN}{Serializer(rs, 3).write(value)}{CLOSE}"


@given(VALUES)
@settings(max_examples=examples(150), deadline=None)
def test_what_was_read_once_is_written_and_read_the_same_ever_after(value: object) -> None:
    rs = Runspace(CaseHost())
    first = Reader().document(_written(rs, value))
    again = _written(rs, first[0])
    assert _written(rs, Reader().document(again)[0]) == again


@given(SIMPLE)
@settings(deadline=None)
def test_simple_values_come_back_as_they_were(value: object) -> None:
    found = Reader().document(_written(Runspace(CaseHost()), value))[0]
    assert found == value
    assert type(found) is type(value)


@given(VALUES)
@settings(max_examples=examples(60), deadline=None)
def test_the_layout_in_lines_changes_nothing(value: object) -> None:
    rs = Runspace(CaseHost())
    plain = _written(rs, value)
    lines = laid_out(plain)
    assert _written(rs, Reader().document(lines)[0]) == _written(rs, Reader().document(plain)[0])


@given(TEXT)
def test_escaped_text_is_given_back(text: str) -> None:
    assert unescaped(escaped(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) == text


@given(MOMENT, st.sampled_from([None, UTC]))
def test_dates_are_given_back(moment: datetime, zone: object) -> None:
    aware = moment.replace(tzinfo=zone)  # type: ignore[arg-type]
    assert read_date(date_text(aware)) == aware


@given(SPAN)
def test_durations_are_given_back(span: timedelta) -> None:
    assert read_span(span_text(span)) == span


@given(st.floats(allow_nan=False))
def test_real_numbers_are_given_back(value: float) -> None:
    assert read_real(real_text(value)) == value


def test_references_are_one_object_and_cycles_close() -> None:
    inner = PSObject({"V": 1})
    outer = PSObject({"A": inner, "B": inner})
    outer.members["self"] = NoteProperty("Self", outer)
    found = deserialize(serialize(outer, 2))
    assert isinstance(found, PSObject)
    assert found.get("A") is found.get("B")
    assert found.get("Self") is found


def test_lists_and_dictionaries_get_other_classes_and_marked_names() -> None:
    found = deserialize(serialize([1, PSHashtable([("a", 2)])], 1))
    assert isinstance(found, PSObject)
    assert found.type_names[0] == "Deserialized.System.Object[]"
    items = bare_value(found)
    assert isinstance(items, NetList)
    assert items.full_name == "System.Collections.ArrayList"
    assert isinstance(bare_value(items[1]), PSHashtable)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<Objs />",
        "<S>a</S>",
        HEAD.replace("1.1.0.1", "2.0") + "</Objs>",
        f"{HEAD}<Foo>1</Foo></Objs>",
        f"{HEAD}<I32>one</I32></Objs>",
        f"{HEAD}<By>256</By></Objs>",
        f'{HEAD}<Ref RefId="7" /></Objs>',
        f'{HEAD}<Obj RefId="0"><TNRef RefId="3" /></Obj></Objs>',
        f'{HEAD}<Obj RefId="0"><MS><I32>1</I32></MS></Obj></Objs>',
        f'{HEAD}<Obj RefId="0"><DCT><En><S N="Key">a</S></En></DCT></Obj></Objs>',
        HEAD + "<Obj><LST>" * 60 + "</LST></Obj>" * 60 + "</Objs>",
    ],
)
def test_malformed_documents_are_refused(text: str) -> None:
    with pytest.raises(NetError) as caught:
        deserialize(text)
    assert caught.value.exception.type_name == "System.Xml.XmlException"


def test_what_is_nested_too_deeply_ends_in_a_sentence(session: Runspace) -> None:
    value: object = 1
    for _ in range(60):
        value = PSObject({"A": value})
    assert '<S N="A">Serialized XML is nested too deeply.</S>' in Serializer(session, 1).write(value)


def test_characters_that_xml_cannot_hold_are_refused() -> None:
    with pytest.raises(NetError):
        serialize("a\uffff")


def test_a_property_that_cannot_be_read_is_left_out() -> None:
    out = run_script("[pscustomobject]@{ A = 2 } | Add-Member ScriptProperty Bad { throw 'no' } -PassThru").output
    assert Serializer(Runspace(CaseHost()), 2).write(out[0]).count(" N=") == 1


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("$f = [IO.Path]::GetTempFileName(); 1, 'a' | Export-Clixml $f; (Import-Clixml $f) -join ','", "1,a"),
        ("$f = [IO.Path]::GetTempFileName(); Export-Clixml $f -InputObject 1; [IO.File]::ReadAllBytes($f)[0..1]", 255),
        ("$f = [IO.Path]::GetTempFileName(); 1..5 | Export-Clixml $f; Import-Clixml $f -Skip 1 -First 1", 2),
        ("$f = [IO.Path]::GetTempFileName(); Remove-Item -LiteralPath $f; Test-Path $f", False),
        (
            "$f = [IO.Path]::GetTempFileName(); Set-Variable x 5; $x | Export-Clixml -LiteralPath $f; Import-Clixml $f",
            5,
        ),
    ],
)
def test_files_of_the_session(script: str, wanted: object) -> None:
    found = run_script(script)
    assert found.errors == []
    assert found.output[0] == wanted


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("-SerializationMethod String", "<S>toy</S>"),
        ("-SerializationMethod String -StringSerializationSource A", "<S>1</S>"),
        (
            "-SerializationMethod SpecificProperties -PropertySerializationSet B, A",
            '<I32 N="B">2</I32><I32 N="A">1</I32>',
        ),
    ],
)
def test_types_say_how_they_are_written(rule: str, wanted: str) -> None:
    script = (
        "class Toy { [int] $A = 1; [int] $B = 2; [string] ToString() { return 'toy' } }\n"
        f"Update-TypeData -TypeName Toy {rule}\n"
        "[Management.Automation.PSSerializer]::Serialize([Toy]::new()) -replace '\\r?\\n\\s*'"
    )
    assert wanted in str(run_script(script).output[0])


def test_decimals_keep_their_zeros(session: Runspace) -> None:
    assert Serializer(session, 1).write(Decimal("1.50")) == "<D>1.50</D>"
    assert Serializer(session, 1).write(uuid.UUID(int=0)) == "<G>00000000-0000-0000-0000-000000000000</G>"
