"""A state folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.labs.lease import LeaseStore


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("HIL_STATE", str(folder))
    return folder


@pytest.fixture
def leases() -> LeaseStore:
    return LeaseStore()
