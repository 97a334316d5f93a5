"""Models for the cmdlets' tests; those of a whole module are read only."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import ShellNode, make_node


@pytest.fixture
def node() -> ShellNode:
    """NODE01 of four idle nodes with eight guests."""
    return make_node(guests=8)


@pytest.fixture(scope="module")
def idle() -> ShellNode:
    """NODE01 of four idle nodes with forty guests; do not change it."""
    return make_node()
