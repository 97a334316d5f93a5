"""The address range of an instance: claimed by binding, and free in all its parts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

import pytest

from harness.twin import lab as lab_module
from harness.twin.lab import NoSlotError, _claim_slot


@pytest.fixture(autouse=True)
def private_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slots that no lab takes."""
    monkeypatch.setattr(lab_module, "FIRST_SLOT", 120)
    monkeypatch.setattr(lab_module, "LAST_SLOT", 121)
    monkeypatch.setattr(lab_module, "CLAIM_PORT", 59851)


def wants(*addresses: tuple[str, int]) -> Callable[[int], Iterable[tuple[str, int]]]:
    return lambda slot: ((f"127.{slot}.{tail}", port) for tail, port in addresses)


@pytest.mark.parametrize("tail", ["0.11", "1.1"], ids=["node", "guest"])
def test_a_slot_whose_addresses_are_still_in_use_is_passed_over(tail: str) -> None:
    with socket.create_server((f"127.120.{tail}", 0)) as lingering:
        port = lingering.getsockname()[1]
        slot, claim = _claim_slot(wants(("0.10", port), (tail, port)))
        claim.close()
        assert slot == 121
        slot, claim = _claim_slot(wants(("0.10", port)))
        claim.close()
        assert slot == 120


def test_without_a_free_slot_the_last_refusal_is_told() -> None:
    held = [_claim_slot(wants(("0.10", 58985)))[1] for _ in range(2)]
    with pytest.raises(NoSlotError, match="in use"):
        _claim_slot(wants(("0.10", 58985)))
    for claim in held:
        claim.close()
