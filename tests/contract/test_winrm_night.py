"""A night in which the password goes bad: the account is not locked by those who keep asking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from harness.azurelocal.command import Command
from harness.clock import NS_PER_S
from harness.errors import HarnessError
from harness.run.endpoints import Answer, Endpoints
from harness.run.sessions import NodeSession
from harness.transports.credential import CredentialWatch
from harness.transports.winrm import WinRmShell
from tests.contract.winrm_node import Node, serve_node

NIGHT_S = 14 * 3600
POLL_S = 300
GOES_BAD_S = 2 * 3600
QUESTION: Command[Any] = Command("one", "echo [hil:00000000]1[/hil:00000000]", lambda document: document)
NAMES = ("NODE01", "NODE02", "NODE03", "NODE04")


@pytest.fixture
def nodes() -> Iterator[dict[str, Node]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serve_node(name=name)) for name in NAMES}


class Night:
    """Four workers that ask their nodes at every poll, on lab time."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self.now_s = 0
        watch = CredentialWatch("hil", now_ns=lambda: self.now_s * NS_PER_S)
        self.endpoints = Endpoints(lambda name: NodeSession(WinRmShell(nodes[name].where, watch=watch), None))
        self.errors: list[HarnessError | None] = []

    def until(self, to_s: int) -> None:
        while self.now_s < to_s:
            self.now_s += POLL_S
            for name in self.nodes:
                self.endpoints.ask(name, QUESTION, self._note)
            for ask, answer in self.endpoints.gather():
                ask.answered(answer)

    def _note(self, answer: Answer) -> None:
        self.errors.append(answer.error)

    @property
    def bad_log_ons(self) -> int:
        return sum(sum(node.served.rejections.values()) for node in self.nodes.values())


@pytest.mark.parametrize("good_at_first", [True, False], ids=["goes bad", "bad from the start"])
def test_two_bad_log_ons_at_most_in_a_night(nodes: dict[str, Node], good_at_first: bool) -> None:
    night = Night(nodes)
    if good_at_first:
        night.until(GOES_BAD_S)
        assert night.errors == [None] * (GOES_BAD_S // POLL_S * len(NAMES))
    for node in nodes.values():
        node.served.set_accounts({"hil": "changed-meanwhile"})
        node.drop_connections()
    night.errors.clear()
    night.until(NIGHT_S)
    night.endpoints.close()
    assert 1 <= night.bad_log_ons <= 2
    assert None not in night.errors
