"""Live migrations as hosts log them."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.azurelocal.migrations import parse_migrations, read_migrations
from harness.values import LoggedMigration

AT = "2025-11-12T00:56:26.7644260Z"
ID = "5C4E6F0A-1111-4222-8333-9ABCDEF01234"


def row(*values: str, text: str = "", number: int = 20415) -> dict[str, object]:
    return {"id": number, "at": AT, "values": list(values), "text": text}


def test_guest_and_seconds_from_the_data_of_the_event() -> None:
    (event,) = parse_migrations([row("vm001", ID, "0.4")])
    assert event == LoggedMigration("vm001", "2025-11-12T00:56:26.764426+00:00", 20415, 0.4)


def test_order_of_the_data_does_not_matter() -> None:
    (event,) = parse_migrations([row(ID, "web 01", "63.1", number=20417)])
    assert (event.vm, event.blackout_s, event.event_id) == ("web 01", 63.1, 20417)


def test_guest_whose_name_is_a_number() -> None:
    (event,) = parse_migrations([row("2016", ID, "0.7")])
    assert (event.vm, event.blackout_s) == ("2016", 0.7)


def test_from_the_message_where_there_are_no_data() -> None:
    text = "Migration completed successfully for 'Virtual Machine web01' with blackout time 1,5 seconds."
    (event,) = parse_migrations(row(text=text))
    assert (event.vm, event.blackout_s) == ("web01", 1.5)


def test_event_without_a_length_says_nothing() -> None:
    assert parse_migrations([row("vm001", ID), row()]) == ()
    assert parse_migrations(None) == ()


def test_question_asks_from_a_moment_on() -> None:
    script = read_migrations(datetime(2025, 11, 12, tzinfo=UTC)).script
    assert "[datetime]'2025-11-12T00:00:00Z'" in script
