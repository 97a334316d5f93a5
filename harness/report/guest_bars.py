"""Gaps and conditions of guests as bars: their look, their words, and what is said on hovering."""

from __future__ import annotations

from harness.judge.case import elapsed
from harness.judge.explain import ORDERED
from harness.report.guest_ledger import (
    BROWN,
    CONDITIONS,
    PATH,
    conditions_of,
    end_of,
    look_of,
    phase_of,
    signals_of,
    state_of,
)
from harness.report.lane import Bar
from harness.report.record import Plain, RunRecord
from harness.report.wording import counted, length_text


def gap_bar(record: RunRecord, vm: str, gap: Plain, *, with_text: bool) -> Bar:
    """One gap as it is drawn."""
    length, cause, state = length_text(gap["duration_ns"]), str(gap["cause"]), state_of(gap)
    error = length_text(gap["error_ns"])
    named = f"{cause} ({state})" if state and state not in (cause, "restarted") else cause
    lines = [f"{vm}: {length} ± {error} {named}{', still so at the end' if gap['open'] else ''}"]
    lines.extend(_why(gap))
    lines.append(_edges(record, gap, gap["end_ns"]))
    moved = gap["owner_before"] != gap["owner_after"]
    owners = f"{gap['owner_before']} → {gap['owner_after']}" if moved else f"on {gap['owner_before']}"
    phase = phase_of(gap, record.phases)
    lines.append(", ".join(part for part in (owners if gap["owner_before"] or moved else "", phase) if part))
    if gap["explained_by"]:
        what = gap["explained_by"] if gap["explained_by"] == ORDERED else f"fault {gap['explained_by']}"
        lines.append(f"explained by {what}")
    if gap.get("host_blackout_ns") is not None:
        lines.append(host_text(gap))
    return Bar(
        gap["start_ns"],
        gap["end_ns"],
        look_of(gap),
        vm,
        cause,
        f"{length} {cause}" if with_text else "",
        "\n".join(line for line in lines if line),
        open=gap["open"],
        short=(length,),
        explained=bool(gap["explained_by"]),
        errors_ns=(gap["start_err_ns"], gap["end_err_ns"]),
    )


def condition_bar(record: RunRecord, vm: str, row: Plain, *, with_text: bool = False) -> Bar:
    """One time in which a guest ran and was not well: slow, or a way to it or its service in trouble."""
    kind = str(row["kind"])
    end_ns = end_of(row, record.ledger)
    words = CONDITIONS.get(kind, kind)
    length = length_text(end_ns - row["start_ns"])
    still = row.get("end_ns") is None
    lines = [f"{vm}: {words} for {length}{', still so at the end' if still else ''}", *_why(row)]
    lines.append(_edges(record, row, end_ns))
    lines.append(phase_of(row, record.phases))
    return Bar(
        row["start_ns"],
        end_ns,
        condition_look(kind),
        vm,
        kind,
        f"{length} slow" if with_text and kind == BROWN else "",
        "\n".join(line for line in lines if line),
        open=still,
        errors_ns=(row.get("start_err_ns") or 0, row.get("end_err_ns") or 0),
    )


def condition_bars(record: RunRecord, vm: Plain, *, with_text: bool) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    """Brownouts of a guest, which stand among its gaps, and its other conditions, which stand below them."""
    bars = [condition_bar(record, vm["vm"], row, with_text=with_text) for row in conditions_of(vm)]
    return tuple(bar for bar in bars if bar.look == BROWN), tuple(bar for bar in bars if bar.look != BROWN)


def condition_look(kind: str) -> str:
    """Slow guests, troubled services and troubled paths each look their own."""
    return BROWN if kind == BROWN else "path" if kind in PATH else "service"


def host_text(gap: Plain) -> str:
    """What the host logged of a blackout, beside what was measured."""
    difference = gap.get("host_difference_ns")
    beside = "" if difference is None else f", {difference / 1e9:+.3f} s beside the measured length"
    return f"host logged {gap['host_blackout_ns'] / 1e9:.3f} s{beside}"


def _why(row: Plain) -> list[str]:
    """Reason and signals, where the ledger tells them."""
    signals = ", ".join(signals_of(row))
    lost = f" ({counted(row['lost'], 'probe')} lost)" if row.get("lost") else ""
    return [str(row.get("reason") or ""), f"signals: {signals}{lost}" if signals else ""]


def _edges(record: RunRecord, row: Plain, end_ns: int) -> str:
    """Both edges with their error bars."""
    errors = [f" ± {length_text(row.get(name) or 0)}" for name in ("start_err_ns", "end_err_ns")]
    return f"from {record.moment(row['start_ns'])}{errors[0]} to {elapsed(end_ns)}{errors[1]}"
