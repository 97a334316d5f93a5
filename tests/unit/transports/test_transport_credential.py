"""The credential watch: when a 401 is a booting node, when it is the end."""

from __future__ import annotations

import pytest

from harness.errors import CredentialRejectedError
from harness.transports.credential import BOOT_ATTEMPTS, CredentialWatch
from harness.transports.trouble import EndpointError, Trouble


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> int:
        return int(self.now_s * 10**9)


def test_a_first_refusal_is_final_for_all_nodes() -> None:
    watch = CredentialWatch("hil")
    assert watch.judge_refusal("NODE01").trouble is Trouble.CREDENTIAL_REJECTED
    with pytest.raises(CredentialRejectedError, match="NODE01"):
        watch.check("NODE02")


def test_a_new_node_may_be_booting_where_another_accepts_the_credential() -> None:
    watch = CredentialWatch("hil")
    watch.note_accepted("NODE01")
    assert watch.judge_refusal("NODE02").trouble is Trouble.UNAUTHORIZED
    watch.check("NODE01")


def test_pauses_double_and_end() -> None:
    clock = Clock()
    watch = CredentialWatch("hil", now_ns=clock)
    watch.note_accepted("NODE01")
    watch.note_down("NODE01")
    pauses = []
    for _ in range(BOOT_ATTEMPTS - 1):
        assert watch.judge_refusal("NODE01").trouble is Trouble.UNAUTHORIZED
        start_s = clock.now_s
        while True:
            try:
                watch.check("NODE01")
                break
            except EndpointError:
                clock.now_s += 1
        pauses.append(clock.now_s - start_s)
    assert pauses == [10, 20, 40, 80, 160]
    assert watch.judge_refusal("NODE01").trouble is Trouble.CREDENTIAL_REJECTED


def test_acceptance_ends_the_boot_window() -> None:
    watch = CredentialWatch("hil", now_ns=lambda: 0)
    watch.note_accepted("NODE01")
    watch.note_down("NODE01")
    watch.judge_refusal("NODE01")
    watch.note_accepted("NODE01")
    watch.check("NODE01")
    assert watch.judge_refusal("NODE01").trouble is Trouble.CREDENTIAL_REJECTED
