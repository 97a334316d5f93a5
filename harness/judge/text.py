"""A judgement in at most fifteen lines, for a failed test and for `hil judge explain`.

Works on the plain data of `results.json`, so that it can be said again when nothing but that file is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_LINES: Final = 15
WIDTH: Final = 200

_WHOSE: Final = {
    "product": "the product's",
    "lab": "the lab's",
    "harness": "the harness'",
    "scenario": "the scenario's",
}

_WHOSE_BY_ID: Final = {"aborted": "nobody's, the run was asked to stop"}

_NEXT: Final = {
    "pass": "hil report open {run}",
    "lab": "hil lab show {lab}; then run the scenario again",
    "not-run": "hil plan fits {lab}",
    "harness": "{look} {run}; keep the run folder for a defect report",
    "inconclusive": "{look} {run}; then run the scenario again",
}
LOOK_FURTHER: Final = "hil report open"
"""For whoever has just read this text: the page holds the rest."""
_LOOK: Final = "{look} {run}"


def explain_failure(results: Mapping[str, Any], *, look: str = "hil run show") -> str:
    """Whose fault, where, value against limit, first cause, active faults, worst guests, evidence, next command.

    `look` is the command that shows more of a run; the one that prints this text names another than itself.
    """
    verdict = str(results["verdict"])
    waived = f" (counts as {results['effective']}: waived)" if results.get("waived") else ""
    lines = [f"{results['scenario']} on {results['lab']['name']}: {verdict}{waived} · {results['label']}"]
    cause = results.get("cause")
    if cause:
        lines += _cause_lines(cause)
        others = [each for each in results["because"] if each != cause]
        lines += _other_lines(others)
    else:
        lines.append("every required measurement is inside its limit and every invariant held")
    lines += _guest_lines(results["worst_guests"])
    seqs = ", ".join(str(seq) for seq in (cause or {}).get("evidence", ())[:8])
    lines.append(f"evidence:    {results['folder']}/journal.jsonl{f', seq {seqs}' if seqs else ''}")
    command = _NEXT.get(verdict, _LOOK)
    lines.append("next:        " + command.format(look=look, run=results["run_id"], lab=results["lab"]["name"]))
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 2].rstrip() + " …" for line in lines)


def _cause_lines(cause: Mapping[str, Any]) -> list[str]:
    """Lines about the finding that decided."""
    whose = _WHOSE_BY_ID.get(cause["id"]) or _WHOSE.get(cause["about"], cause["about"])
    lines = [f"whose:       {whose} ({cause['id']})"]
    lines += [f"what:        {cause['summary']}"]
    where = [
        f"{word} {cause[key]}" for word, key in (("phase", "phase"), ("step", "step"), ("node", "node")) if cause[key]
    ]
    if where:
        lines.append(f"where:       {', '.join(where)}")
    if cause["value"] or cause["limit"]:
        against = f", limit {cause['limit']}" if cause["limit"] else ""
        lines.append(f"measured:    {cause['value'] or 'nothing'}{against}")
    if cause["at_ns"] is not None:
        lines.append(f"first cause: {cause['at']} (lab time {cause['lab_time']})")
        faults = ", ".join(cause["faults_active"])
        lines.append(f"faults then: {faults or 'none active'}")
    last = cause["attrs"].get("last_progress")
    if last and last != cause["summary"]:
        lines.append(f"progress:    {last}")
    return lines


def _other_lines(others: Sequence[Mapping[str, Any]]) -> list[str]:
    if not others:
        return []
    lines = [f"also:        {other['outcome']} · {other['summary']}" for other in others[:2]]
    if len(others) > 2:
        lines.append(f"also:        {len(others) - 2} more findings in results.json")
    return lines


def _guest_lines(worst: Sequence[Mapping[str, Any]]) -> list[str]:
    if not worst:
        return []
    texts = []
    for guest in worst[:3]:
        down = ", still down" if guest["down"] else ""
        texts.append(f"{guest['vm']} {guest['longest_s']:.6g} s ({guest['cause']}{down})")
    return [f"worst VMs:   {' · '.join(texts)}"]
