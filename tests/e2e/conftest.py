"""A private home for each end-to-end test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chain import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """The chain with empty state; whatever is left running at the end is ended."""
    chain = Chain(tmp_path)
    yield chain
    chain.end_all()
