"""Reading replies: markers, errors, CLIXML, and the forms in which 5.1 prints the same value."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.transports import clixml
from harness.transports.replies import (
    PowerShellError,
    Reply,
    UnreadableReplyError,
    as_flag,
    as_list,
    as_number,
    as_record,
    as_text,
    as_time,
    parse_json_reply,
)

CLIXML_ERROR = (
    '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T></TN><MS>'
    '<I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI>'
    "<PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>"
    "<S S=\"Error\">Get-Item : Cannot find path 'C:\\nope' because_x000D__x000A_</S>"
    '<S S="Error">it does not exist._x000D__x000A_</S><S S="warning">low &amp; _x005F_x000A_</S></Objs>'
)


def marked(document: object, mark: str = "0123abcd", failed: bool = False) -> str:
    return f"[hil:{mark}{'!' if failed else ''}]{json.dumps(document)}[/hil:{mark}]\r\n"


def test_the_document_is_found_between_other_output() -> None:
    reply = Reply("Loading…\r\n" + marked({"a": [1]}) + "done\r\n", "", 0)
    assert parse_json_reply(reply) == {"a": [1]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_document_survives_a_console_that_wraps_at_80_columns(document: object) -> None:
    text = marked(document)
    wrapped = "\r\n".join(text[start : start + 80] for start in range(0, len(text), 80))
    assert parse_json_reply(Reply(wrapped, "", 0)) == document


def test_an_error_document_becomes_an_error() -> None:
    error = {"id": "E,Get-X", "category": "ObjectNotFound", "message": "no x", "line": 3}
    with pytest.raises(PowerShellError, match="no x") as caught:
        parse_json_reply(Reply(marked(error, failed=True), "", 1))
    assert (caught.value.id, caught.value.category, caught.value.line) == ("E,Get-X", "ObjectNotFound", 3)


def test_errors_outside_the_wrapper_come_from_clixml() -> None:
    with pytest.raises(PowerShellError) as caught:
        parse_json_reply(Reply("", CLIXML_ERROR, 1))
    assert caught.value.reason == "Get-Item : Cannot find path 'C:\\nope' because\nit does not exist."


def test_progress_on_the_error_stream_means_nothing() -> None:
    progress_only = CLIXML_ERROR[: CLIXML_ERROR.index('<S S="Error">')] + "</Objs>"
    assert parse_json_reply(Reply(marked([1]), progress_only, 0)) == [1]
    assert parse_json_reply(Reply("", progress_only, 0)) is None


def test_empty_output_is_null() -> None:
    assert parse_json_reply(Reply("\r\n", "", 0)) is None
    assert parse_json_reply(Reply("[hil:0123abcd][/hil:0123abcd]", "", 0)) is None


def test_a_failure_without_words_is_an_error() -> None:
    with pytest.raises(PowerShellError, match="exit code 5"):
        parse_json_reply(Reply("", "", 5))


@pytest.mark.parametrize("stdout", ["The command line is too long.", '[hil:0123abcd]{"a":[/hil:0123abcd]'])
def test_other_output_is_unreadable(stdout: str) -> None:
    with pytest.raises(UnreadableReplyError):
        parse_json_reply(Reply(stdout, "", 0))


def test_a_limitation_of_the_simulation_is_no_product_error() -> None:
    with pytest.raises(UnreadableReplyError, match="twin limitation"):
        parse_json_reply(Reply("", "twin limitation: 'Get-Foo -Bar' is not supported", 1))


def test_streams_of_several_documents_are_kept_apart() -> None:
    streams = clixml.read_streams(CLIXML_ERROR + "\r\n" + CLIXML_ERROR)
    assert streams["warning"] == "low & _x000A_" * 2
    assert streams["error"].count("does not exist") == 2


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_escapes_are_undone(text: str) -> None:
    units = text.encode("utf-16-be")
    escaped = "".join(f"_x{units[at]:02X}{units[at + 1]:02X}_" for at in range(0, len(units), 2))
    assert clixml.unescape(escaped) == text


@pytest.mark.parametrize(
    "value",
    [
        "/Date(1759362825653)/",
        "2025-10-01T23:53:45.653Z",
        "2025-10-01T23:53:45.6530000Z",
        "2025-10-02T01:53:45.653+02:00",
        "2025-10-01T23:53:45.653",
        {"value": "/Date(1759362825653)/", "DisplayHint": 2, "DateTime": "Wednesday, October 1, 2025 11:53:45 PM"},
    ],
)
def test_all_forms_of_a_time_are_one(value: object) -> None:
    assert as_time(value) == datetime(2025, 10, 1, 23, 53, 45, 653000, tzinfo=UTC)


def test_times_as_tables_print_them() -> None:
    assert as_time("10/20/2025 7:02:11 AM") == datetime(2025, 10, 20, 7, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "1/1/0001 12:00:00 AM", "/Date(-62135596800000)/", "soon", 5])
def test_unset_times_are_none(value: object) -> None:
    assert as_time(value) is None


def test_lists_records_and_scalars_in_all_their_forms() -> None:
    assert as_list(None) == []
    assert as_list({"a": 1}) == [{"a": 1}]
    assert as_list({"value": [1, 2], "Count": 2}) == [1, 2]
    assert as_record([{"a": 1}]) == {"a": 1}
    assert as_record("x") == {}
    assert as_text(["a", "b"]) == "a b"
    assert as_number("4.5") == 4.5
    assert as_number(True) is None
    assert as_number("x") is None
    assert as_flag("True") and as_flag(True) and not as_flag(None)
