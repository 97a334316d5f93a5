"""The same client where the node is in a network of its own, as the nodes of a nested lab are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from harness.labs.nested.namespace import ensure_namespace, owned_name, remove_namespace, why_no_namespaces
from harness.netns import entered
from harness.transports.credential import CredentialWatch
from harness.transports.trouble import EndpointError, Trouble
from harness.transports.winrm import WinRmEndpoint, WinRmShell
from tests.contract.winrm_node import WAYS, serve_node

PREFIX = "hil-try"


@pytest.fixture(params=WAYS)
def there(request: pytest.FixtureRequest) -> Iterator[WinRmEndpoint]:
    if missing := why_no_namespaces(PREFIX):
        pytest.skip(missing)
    name = owned_name(PREFIX, "winrm")
    with ExitStack() as stack:
        stack.callback(remove_namespace, name)
        ensure_namespace(name)
        with entered(name):
            node = stack.enter_context(serve_node(way=request.param))
        yield replace(node.where, namespace=name)


def said_by(where: WinRmEndpoint) -> str:
    shell = WinRmShell(where, watch=CredentialWatch(where.username))
    try:
        return shell.run("echo here").stdout
    finally:
        shell.close()


def test_a_node_is_reached_in_its_namespace_only(there: WinRmEndpoint) -> None:
    assert said_by(there) == "here"
    with pytest.raises(EndpointError) as caught:
        said_by(replace(there, namespace=""))
    assert caught.value.trouble is Trouble.REFUSED
