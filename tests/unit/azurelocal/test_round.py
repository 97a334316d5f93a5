"""Several questions in one script: each is answered on its own."""

from __future__ import annotations

import pytest

from harness.azurelocal.command import BETWEEN, Command, Round
from harness.errors import HarnessError, ProductError
from harness.transports.powershell import script_json
from harness.transports.replies import PowerShellError, Reply, UnreadableReplyError
from harness.transports.trouble import Diagnosis, OverdueError, Trouble


def refuse(document: object) -> object:
    raise ProductError(f"{document} makes no sense")


ONE = Command("one", script_json("1"), lambda document: document, within_s=30)
TWO = Command("two", script_json("2"), lambda document: document * 10, within_s=90)
BOTH = Round((ONE, TWO))
FIRST = "[hil:0000aaaa]1[/hil:0000aaaa]\r\n"
SECOND = "[hil:0000bbbb]2[/hil:0000bbbb]\r\n"
FAILED = '[hil:0000aaaa!]{"id":"Gone","message":"no service"}[/hil:0000aaaa]\r\n'


def overdue(printed: str) -> OverdueError:
    return OverdueError(
        "too late", node="N", diagnosis=Diagnosis(Trouble.OPERATION_TIMEOUT, "", True), so_far=Reply(printed, "", 0)
    )


def test_both_scripts_in_order_under_one_name_and_the_longer_deadline() -> None:
    assert BOTH.script == ONE.script + BETWEEN + TWO.script
    assert (BOTH.name, BOTH.within_s, BOTH.repeatable) == ("one+two", 90, True)


def test_values_in_the_order_of_the_questions() -> None:
    assert BOTH.read(Reply(FIRST + SECOND, "", 0)) == (1, 20)


def test_error_of_one_leaves_the_other_alone() -> None:
    first, second = BOTH.read(Reply(FAILED + SECOND, "", 1))
    assert isinstance(first, PowerShellError)
    assert first.id == "Gone"
    assert second == 20


def test_value_that_cannot_be_parsed_is_the_error_of_its_question() -> None:
    first, second = Round((Command("bad", ONE.script, refuse), TWO)).read(Reply(FIRST + SECOND, "", 0))
    assert isinstance(first, ProductError)
    assert second == 20


def test_script_that_ended_early_answers_what_it_came_to() -> None:
    first, second = BOTH.read(Reply(FIRST, "", 0))
    assert first == 1
    assert isinstance(second, UnreadableReplyError)


def test_not_one_document_is_an_error_of_the_whole() -> None:
    with pytest.raises(HarnessError, match="exit code 1"):
        BOTH.read(Reply("", "", 1))


def test_what_hangs_leaves_what_was_before_it() -> None:
    late = overdue(FIRST)
    assert BOTH.read_part(late) == (1, late)
    nothing = overdue("[hil:0000aaaa]1")
    with pytest.raises(OverdueError):
        BOTH.read_part(nothing)
    with pytest.raises(OverdueError):
        ONE.read_part(late)
