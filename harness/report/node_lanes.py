"""Node lanes: Up, Paused, Rebooting, Down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.judge.case import listed
from harness.judge.phases import PhaseSpan
from harness.report.lane import Bar, Lane, Mark, Row, joined_states
from harness.report.record import Plain, RunRecord
from harness.report.wording import counted, span_text
from harness.values import Event

Change = tuple[int, str, str]
"""Lab time, state from then on, and why."""

SHORT = {"Up": ("Up",), "Paused": ("Paused", "P"), "Rebooting": ("Rebooting", "Reboot", "R"), "Down": ("Down", "D")}
LOOKS = {"Up": "node-up", "Paused": "node-paused", "Rebooting": "node-rebooting", "Down": "node-down"}
AWAY = ("Rebooting", "Down")
EDGES = {"down": "fell silent", "up": "came back"}
EDGE_PX = 10.0
EDGE_NAMES = 12
BOOTING = frozenset({"post", "os-loading", "services", "shutting-down"})


def node_lane(record: RunRecord) -> Lane:
    """One row for each node."""
    told = any(row.value.kind in ("node.down", "node.up", "node.paused") for row in record.timeline.events)
    reboots = [span for span in record.phases if span.path.endswith("/reboot")]
    edges: Sequence[Plain] = record.ledger.get("node_edges") or ()
    rows = []
    for node in dict.fromkeys([*record.nodes, *(edge["node"] for edge in edges)]):
        changes = tuple(_told(record, node, reboots)) if told else tuple(_seen(record, node))
        source = "" if told else ", as polled"
        bars = tuple(
            Bar(
                start,
                end,
                LOOKS[state],
                node,
                state,
                state if not why or state == "Up" else f"{state}: {why}",
                f"{node} {state}{f' ({why})' if why else ''}{source} for {span_text(end - start)} "
                f"from {record.moment(start)}",
                short=SHORT[state],
            )
            for start, end, state, why in joined_states(changes, record.end_ns)
        )
        marks = tuple(_edge_mark(record, edge) for edge in edges if edge["node"] == node)
        rows.append(Row(node, (bars,), marks, 16.0, empty="no state was seen", marks_px=EDGE_PX if marks else 0.0))
    return Lane("node", "Nodes", tuple(rows))


def _edge_mark(record: RunRecord, edge: Plain) -> Mark:
    """The moment at which the guests of a node fell silent, or came back, together: known better than any guest's."""
    vms = [str(vm) for vm in edge.get("vms") or ()]
    error_ns = int(edge.get("err_ns") or 0)
    word = EDGES.get(edge["kind"], str(edge["kind"]))
    title = (
        f"{edge['node']}: {counted(len(vms), 'VM')} {word} together\n"
        f"at {record.moment(edge['at_ns'])} ± {error_ns / 1e6:.3g} ms\n{listed(vms, EDGE_NAMES)}"
    )
    state = f"edge {edge['kind']}"
    return Mark(edge["at_ns"], f"edge-{edge['kind']}", edge["node"], state, title, error_ns=error_ns)


def _told(record: RunRecord, node: str, reboots: Sequence[PhaseSpan]) -> Iterator[Change]:
    """Changes as the lab's events tell them, after the first look at the cluster."""
    state, paused = "", False
    first = next(iter(_seen(record, node)), None)
    if first is not None:
        state = first[1]
        yield record.begin_ns, state, first[2]
    for row in record.timeline.events:
        if row.value.node != node:
            continue
        event = row.value
        paused = _paused_after(event, paused)
        change = _state_after(event, state, paused, _reboots(reboots, node, row.t_ns))
        if change is not None:
            state = change[0]
            yield row.t_ns, *change


def _paused_after(event: Event, paused: bool) -> bool:
    if event.kind == "node.up":
        return bool(event.attrs.get("paused"))
    return {"node.paused": True, "node.resumed": False}.get(event.kind, paused)


def _state_after(event: Event, state: str, paused: bool, in_reboot: bool) -> tuple[str, str] | None:
    """State and reason after an event; None when it says nothing about them."""
    attrs = event.attrs
    match event.kind:
        case "node.up":
            return ("Paused", "") if paused else ("Up", "")
        case "node.down":
            if state in AWAY:
                return None
            planned = bool(attrs.get("planned", in_reboot))
            return ("Rebooting", "planned") if planned else ("Down", "")
        case "node.power" if attrs.get("state") == "Off" and attrs.get("cause") != "shutdown":
            return "Down", "power off"
        case "node.power" if attrs.get("state") == "On" and state in AWAY:
            return "Rebooting", "powered on"
        case "node.phase" if state == "Down" and attrs.get("phase") in BOOTING:
            return "Rebooting", "starting"
        case "node.quarantined":
            return "Down", "quarantined"
        case "node.paused" | "node.resumed" if state not in AWAY:
            return ("Paused", "") if paused else ("Up", "")
        case "node.drain" if state not in AWAY and attrs.get("status") in ("InProgress", "Completed"):
            return "Paused", "draining" if attrs["status"] == "InProgress" else "drained"
    return None


def _reboots(reboots: Sequence[PhaseSpan], node: str, t_ns: int) -> bool:
    """Is it this node's turn to restart?"""
    return any(
        (span.node == node or f"node[{node}]" in span.path)
        and span.start_ns <= t_ns
        and (span.end_ns is None or t_ns <= span.end_ns)
        for span in reboots
    )


def _seen(record: RunRecord, node: str) -> Iterator[Change]:
    """Changes as looks at the cluster showed them."""
    for row in record.timeline.clusters:
        status = next((each for each in row.value.nodes if each.name == node), None)
        if status is None:
            continue
        name = status.state.name
        draining = status.drain is not None and status.drain.name == "InProgress"
        if name == "Up":
            yield row.t_ns, "Paused" if draining else "Up", "draining" if draining else ""
        elif name == "Joining":
            yield row.t_ns, "Rebooting", "joining"
        else:
            yield row.t_ns, name if name in LOOKS else "Down", "" if name in LOOKS else name
