"""Parse errors as exceptions and error records."""

from __future__ import annotations

from harness.twin.shell.ast import Extent
from harness.twin.shell.errors import ErrorRecord, Invocation, NetException, PSError
from harness.twin.shell.errortext import position_message
from harness.twin.shell.parser import ParseResult


def _one(result: ParseResult, index: int, placed: bool = True) -> str:
    error = result.errors[index]
    if error.incomplete and len(result.errors) == 1 and not placed:
        return error.message
    extent = Extent(error.offset, error.offset + len(error.text))
    place = position_message(Invocation("", result.source, extent))
    return f"{place}\n{error.message}"


def parse_exception(result: ParseResult) -> NetException:
    """All errors of a text in one ``ParseException``."""
    texts = [_one(result, at) for at in range(min(len(result.errors), 10))]
    return NetException("System.Management.Automation.ParseException", "\n\n".join(texts))


def parse_record(result: ParseResult) -> ErrorRecord:
    """The record of a text that does not parse, as the console shows it: the errors with their places."""
    texts = [_one(result, at, False) for at in range(min(len(result.errors), 10))]
    exception = NetException("System.Management.Automation.ParentContainsErrorRecordException", "\n\n".join(texts))
    return ErrorRecord(exception, result.errors[0].id, "ParserError")


def parse_failure(result: ParseResult, activity: str = "", command_class: str = "") -> PSError:
    """The terminating error of a command that was given a text that does not parse."""
    record = ErrorRecord(parse_exception(result), result.errors[0].id, "ParserError", activity=activity)
    record.command_class = command_class
    return PSError(record)
