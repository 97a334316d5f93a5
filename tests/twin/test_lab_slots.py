"""The address range of an instance: claimed by binding, and free in all its parts."""

from __future__ import annotations

import socket

import pytest

from harness.twin import lab as lab_module
from harness.twin.lab import FIRST_NODE, NoSlotError, _claim_slot


@pytest.fixture(autouse=True)
def private_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slots that no lab takes."""
    monkeypatch.setattr(lab_module, "FIRST_SLOT", 120)
    monkeypatch.setattr(lab_module, "LAST_SLOT", 121)
    monkeypatch.setattr(lab_module, "CLAIM_PORT", 59851)


def test_a_slot_whose_addresses_are_still_in_use_is_passed_over() -> None:
    with socket.create_server((f"127.120.0.{FIRST_NODE + 1}", 0)) as lingering:
        port = lingering.getsockname()[1]
        slot, claim = _claim_slot(2, (port,))
        claim.close()
        assert slot == 121
        slot, claim = _claim_slot(1, (port,))
        claim.close()
        assert slot == 120


def test_without_a_free_slot_the_ports_are_named() -> None:
    held = [_claim_slot(1, (58985,)) for _ in range(2)]
    with pytest.raises(NoSlotError, match="58985 is in use there"):
        _claim_slot(1, (58985,))
    for _, claim in held:
        claim.close()
