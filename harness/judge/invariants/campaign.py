"""A campaign is one update: however many legs it has, it is installed exactly once."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.case import Case, listed
from harness.values import Finding, Verdict


def installed_once(case: Case) -> Iterator[Finding]:
    """After the last leg the product lists one run of the update that Succeeded: no leg installed it a second time."""
    timeline = case.timeline
    installed = timeline.installed
    if not timeline.scenario.get("leg") or timeline.handovers or installed is None or not timeline.completed:
        return
    if not timeline.runs:
        text = "no node could list the runs of the campaign's update"
        yield case.fail("no-runs", text, installed.t_ns, [installed.seq], outcome=Verdict.INCONCLUSIVE, about="harness")
        return
    look = timeline.runs[-1]
    done = [str(run["id"]) for run in look.value["runs"] if run["state"]["name"] == "Succeeded"]
    if len(done) != 1:
        found = f"{len(done)} runs: {listed(done)}" if done else "no run"
        text = f"the campaign is one update, but {found} completed its installation"
        yield case.fail(
            "not-installed-once", text, look.t_ns, [installed.seq, look.seq], value=str(len(done)), limit="1"
        )
