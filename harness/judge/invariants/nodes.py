"""At most one node is not Up, and the cluster keeps its quorum."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.case import Case, listed
from harness.values import Finding


def beyond(case: Case, t_ns: int, names: frozenset[str]) -> tuple[str, ...]:
    """Of the nodes that are not Up at `t_ns` those that no journalled fault explains."""
    return tuple(sorted(names - case.nodes_explained(t_ns)))


def nodes_away(case: Case) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Line, lab time and nodes not Up: of every look at the cluster and every node event."""
    for row in case.timeline.clusters:
        yield row.seq, row.t_ns, frozenset(node.name for node in row.value.not_up)
    down: set[str] = set()
    for event in case.timeline.events:
        node = event.value.node
        if event.value.kind == "node.down" and node:
            down.add(node)
            yield event.seq, event.t_ns, frozenset(down)
        elif event.value.kind == "node.up" and node:
            down.discard(node)


def one_node_at_a_time(case: Case) -> Iterator[Finding]:
    """Invariant 1, first half: never two nodes out at once, beyond those that a fault took away."""
    seen = [(t_ns, seq, beyond(case, t_ns, names)) for seq, t_ns, names in nodes_away(case)]
    bad = [row for row in seen if len(row[2]) > 1]
    if not bad:
        return
    first = min(bad)
    worst = max(bad, key=lambda row: (len(row[2]), -row[0]))
    yield case.fail(
        "nodes-down",
        f"{len(worst[2])} nodes were not Up at once and no fault explains it: {listed(worst[2])}",
        first[0],
        [first[1], worst[1]],
        node=", ".join(worst[2]),
        value=str(len(worst[2])),
        limit="1",
        attrs={"nodes": list(worst[2])},
    )


def quorum_holds(case: Case) -> Iterator[Finding]:
    """Invariant 2, first part: quorum is never lost; no fault is allowed to take it."""
    for row in case.timeline.events:
        event = row.value
        if event.kind in ("cluster.quorum", "cluster.stop") and event.attrs.get("state") == "lost":
            why = f" ({event.attrs['reason']})" if event.attrs.get("reason") else ""
            text = f"the cluster lost its quorum at {case.at(row.t_ns)}{why}"
            yield case.fail("quorum-lost", text, row.t_ns, [row.seq])
            return
