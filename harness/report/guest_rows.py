"""What became of each guest in a workflow that updates Windows in guests, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.report.record import Plain
from harness.report.wording import duration_text

OUTCOMES: Final = {
    "installed": "updated, without restart",
    "present": "had the update already",
    "restarted": "updated, restarted once it was ordered",
    "left-alone": "left alone",
    "restart-pending": "waits for a restart",
    "not-back": "not back from its restart",
    "not-offered": "not offered the update",
    "failed": "installation failed",
    "": "not done",
}
"""What became of a guest, in words."""

RESTARTED: Final = "updated, but it restarted"
SOUND: Final = frozenset(OUTCOMES[outcome] for outcome in ("installed", "present", "restarted", "left-alone"))


def state_of(guest: Plain) -> str:
    """What became of a guest: by the conductor's word, and by what was seen of it."""
    unwanted = guest["outcome"] in ("installed", "present") and guest["restarts"]
    return RESTARTED if unwanted else str(OUTCOMES.get(guest["outcome"], guest["outcome"]))


def guest_rows(results: Plain) -> Iterator[dict[str, Any]]:
    """One row of the table of updates in guests for each guest."""
    for each in results.get("guest_updates") or ():
        before, after = each["kbs_before"], each["kbs_after"]
        added = [kb for kb in after if kb not in before]
        times = (("installed in", each["install_s"]), ("back after", each["restart_s"]))
        yield {
            "guest": each["guest"],
            "state": state_of(each),
            "sound": state_of(each) in SOUND and (each["proven"] or each["outcome"] == "left-alone"),
            "kb": each["update"] or "none",
            "kind": each["kind"] or "",
            "builds": " → ".join(
                dict.fromkeys(build for build in (each["build_before"], each["build_after"]) if build)
            ),
            "kbs": ", ".join(before) + "".join(f" + {kb}" for kb in added),
            "restarts": "not known" if each["restarts"] is None else str(each["restarts"]),
            "times": ", ".join(f"{word} {duration_text(span_s)}" for word, span_s in times if span_s is not None),
            "why": "; ".join(each["reasons"]) or ("" if each["detail"] == each["update"] else each["detail"]),
            "refused": each["refused"],
            "evidence": each["evidence"],
        }


def guest_counts(results: Plain) -> str:
    """`2 of 7 updated, 5 left alone`; empty for a run that updated no guests."""
    rows = results.get("guest_updates") or ()
    if not rows:
        return ""
    left = sum(each["outcome"] == "left-alone" for each in rows)
    updated = sum(each["proven"] and each["outcome"] != "left-alone" for each in rows)
    return f"{updated} of {len(rows)} updated, {left} left alone"
