"""The sampler's thread comes before others only while it samples."""

from __future__ import annotations

import os

import pytest

from harness.probes.priority import may_be_raised, raised


def test_priority_is_given_back() -> None:
    if not may_be_raised():
        pytest.skip("this machine allows no real-time priority")
    before = os.sched_getscheduler(0)
    with raised() as allowed:
        assert allowed
        assert os.sched_getscheduler(0) & os.SCHED_RR
    assert os.sched_getscheduler(0) == before


def test_without_the_right_all_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with raised() as allowed:
        assert not allowed
