"""Colours, patterns and shapes of the timeline.

The palette is the one of Okabe and Ito, which people with any common colour vision can tell apart; patterns and shapes
say the same once more.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final = (
    "--ink:#1c2430;--soft:#5b6675;--paper:#ffffff;--bed:#f3f5f8;--grid:#dfe4ea;--rule:#c3cad3;"
    "--up:#bcdcf0;--up-ink:#123a54;--paused:#ffdf94;--paused-line:#b57900;--boot:#d9cdf0;--boot-line:#6a4fa3;"
    "--down:#3a3f47;--down-line:#8b93a0;--down-ink:#ffffff;--phase-a:#cfe8dc;--phase-b:#e4efd0;--phase-ink:#173b2c;"
    "--fail:#f5c3ab;--fail-line:#c04a00;--repair:#cdeeee;--repair-line:#0a7d86;--fault:#fbd3c0;--fault-line:#d55e00;"
    "--migration:#0072b2;--frozen:#56b4e9;--isolated:#e69f00;--restart:#d55e00;--dead:#17191c;--unknown:#8a8f98;"
    "--brown:#f0e0b8;--brown-line:#8a6100;--service:#a8487f;--path:#00795a;--probed:#d6ead9;--blind:#8a8f98;"
    "--stage:#e3e7ed;--cause:#b3005e;--cause-ink:#ffffff"
)
DARK: Final = (
    "--ink:#e4e9f0;--soft:#9fabba;--paper:#12161c;--bed:#1a2029;--grid:#2a323d;--rule:#3b4552;"
    "--up:#1f4a66;--up-ink:#d6ecfa;--paused:#6b4e0d;--paused-line:#ffcf66;--boot:#443468;--boot-line:#b9a3ea;"
    "--down:#cfd5dd;--down-line:#6d7682;--down-ink:#12161c;--phase-a:#1e4a39;--phase-b:#34491c;--phase-ink:#dcf3e7;"
    "--fail:#6e2c0c;--fail-line:#ff9a5e;--repair:#0e4a4f;--repair-line:#5fd0d8;--fault:#5e2a10;--fault-line:#ff8a47;"
    "--migration:#58b7f0;--frozen:#8fd3ff;--isolated:#ffb938;--restart:#ff8440;--dead:#ffffff;--unknown:#98a0ab;"
    "--brown:#54431a;--brown-line:#e8c36a;--service:#e59ac4;--path:#45d0a4;--probed:#1f4028;--blind:#98a0ab;"
    "--stage:#2a323d;--cause:#ff5fae;--cause-ink:#1b0010"
)

STYLE: Final = f"""
.timeline{{{LIGHT};font:11px system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}}
@media (prefers-color-scheme:dark){{.timeline{{{DARK}}}}}
@media print{{.timeline{{{LIGHT}}}}}
.timeline text{{fill:var(--ink)}} .timeline .paper{{fill:var(--paper)}}
.timeline .bed{{fill:var(--bed);opacity:.65;pointer-events:none}}
.timeline .grid{{stroke:var(--grid)}} .timeline .rule{{stroke:var(--rule)}}
.timeline .tick,.timeline .axis-name,.timeline .note,.timeline .key{{fill:var(--soft)}}
.timeline .lane-title{{font-weight:700;font-size:12px}} .timeline .tick{{font-variant-numeric:tabular-nums}}
.timeline .head{{font-weight:600}} .timeline .in,.timeline .beside{{pointer-events:none}}
.timeline .beside{{paint-order:stroke;stroke:var(--paper);stroke-width:2.6px}}
.timeline .bar{{stroke-width:.8}}
.timeline rect.node-up{{fill:var(--up)}} .timeline text.node-up{{fill:var(--up-ink)}}
.timeline rect.node-paused{{fill:url(#p-paused);stroke:var(--paused-line)}}
.timeline rect.node-rebooting{{fill:url(#p-boot);stroke:var(--boot-line)}}
.timeline rect.node-down{{fill:url(#p-down);stroke:var(--down)}} .timeline text.node-down{{fill:var(--down-ink)}}
.timeline text.in{{paint-order:stroke;stroke-width:2.4px;stroke-linejoin:round;stroke:none}}
.timeline text.in.node-paused{{stroke:var(--paused)}} .timeline text.in.node-rebooting{{stroke:var(--boot)}}
.timeline text.in.node-down{{stroke:var(--down)}} .timeline text.in.repair{{stroke:var(--repair)}}
.timeline text.in.gap-down{{fill:var(--paper);stroke:var(--dead)}}
.timeline text.in.gap-live-migration{{fill:var(--paper);stroke:var(--migration)}}
.timeline text.in.gap-restart,.timeline text.in.gap-isolated,.timeline text.in.gap-frozen{{stroke:var(--paper)}}
.timeline rect.phase-0{{fill:var(--phase-a);stroke:var(--paper)}} .timeline text.phase-0{{fill:var(--phase-ink)}}
.timeline rect.phase-1{{fill:var(--phase-b);stroke:var(--paper)}} .timeline text.phase-1{{fill:var(--phase-ink)}}
.timeline rect.phase-failed{{fill:var(--fail);stroke:var(--fail-line);stroke-dasharray:4 2}}
.timeline rect.repair{{fill:url(#p-repair);stroke:var(--repair-line)}}
.timeline rect.fault-active{{fill:url(#p-fault);stroke:var(--fault-line)}}
.timeline rect.fault-recovering{{fill:none;stroke:var(--fault-line);stroke-dasharray:3 2}}
.timeline rect.gap-live-migration{{fill:var(--migration)}} .timeline rect.gap-frozen{{fill:url(#p-frozen)}}
.timeline rect.gap-isolated{{fill:url(#p-isolated)}} .timeline rect.gap-restart{{fill:url(#p-restart)}}
.timeline rect.gap-down{{fill:var(--dead)}} .timeline rect.gap-unknown{{fill:var(--unknown)}}
.timeline rect.brown{{fill:url(#p-brown);stroke:var(--brown-line);stroke-width:.5}}
.timeline text.in.brown{{stroke:var(--brown)}} .timeline rect.service{{fill:var(--service)}}
.timeline rect.path{{fill:url(#p-path)}} .timeline rect.unobserved{{fill:url(#p-blind)}}
.timeline rect.away,.timeline path.away{{fill:var(--frozen)}}
.timeline path.away{{stroke:var(--migration);stroke-width:.5}}
.timeline rect.lost,.timeline path.lost{{fill:url(#p-restart)}}
.timeline path.lost{{stroke:var(--restart);stroke-width:.5}}
.timeline rect.unwell,.timeline path.unwell{{fill:url(#p-brown)}}
.timeline path.unwell{{stroke:var(--brown-line);stroke-width:.5}}
.timeline rect.ticks,.timeline path.ticks{{fill:var(--cause)}}
.timeline rect.control-ok{{fill:var(--probed)}} .timeline rect.control-lost{{fill:var(--dead)}}
.timeline rect.control-slow{{fill:url(#p-brown);stroke:var(--brown-line)}}
.timeline .whisker{{fill:none;stroke:var(--ink);stroke-width:1;opacity:0;pointer-events:none}}
.timeline .edges:hover .whisker{{opacity:1}} .timeline .edges:hover rect{{stroke:var(--ink)}}
.timeline rect.vm-quiet{{fill:var(--up);opacity:.55}}
.timeline rect.probed{{fill:var(--probed)}} .timeline rect.blind{{fill:url(#p-blind);stroke:var(--blind)}}
.timeline rect.stage{{fill:var(--stage);stroke:var(--paper)}}
.timeline .open{{stroke-dasharray:2 2}}
.timeline .stem{{fill:none;stroke:var(--ink);stroke-width:1}}
.timeline .shape{{fill:var(--paper);stroke:var(--ink);stroke-width:1.3}}
.timeline .injected .shape{{fill:var(--fault-line)}} .timeline .confirmed .shape{{fill:var(--ink)}}
.timeline .edge-down .shape{{fill:var(--dead)}} .timeline .edge-up .shape{{fill:var(--up)}}
.timeline .clean .shape{{fill:var(--up)}} .timeline .missed .shape{{stroke:var(--cause);stroke-width:2;fill:none}}
.timeline .cursor line{{stroke:var(--cause);stroke-width:1.2;stroke-dasharray:5 3}}
.timeline .cursor rect{{fill:var(--cause)}} .timeline .cursor text{{fill:var(--cause-ink);font-weight:600}}
"""

_HATCH = (
    '<pattern id="{name}" width="{size}" height="{size}" patternUnits="userSpaceOnUse"{turn}>'
    '<rect width="{size}" height="{size}" style="fill:var({back})"/>{figure}</pattern>'
)


def _pattern(name: str, back: str, figure: str, *, size: int = 6, turn: int = 0) -> str:
    turned = f' patternTransform="rotate({turn})"' if turn else ""
    return _HATCH.format(name=name, size=size, turn=turned, back=back, figure=figure)


def _stroke(path: str, colour: str, width: float = 1.0) -> str:
    return f'<path d="{path}" style="stroke:var({colour});stroke-width:{width};fill:none"/>'


PATTERNS: Final = "".join(
    (
        _pattern("p-paused", "--paused", _stroke("M0 3H6", "--paused-line", 1.1), turn=-45),
        _pattern("p-boot", "--boot", '<circle cx="3" cy="3" r="1.1" style="fill:var(--boot-line)"/>'),
        _pattern("p-down", "--down", _stroke("M0 0L6 6M6 0L0 6", "--down-line", 0.7)),
        _pattern("p-repair", "--repair", _stroke("M3 0V6", "--repair-line", 1.0), turn=45),
        _pattern("p-fault", "--fault", _stroke("M0 0L6 6M6 0L0 6", "--fault-line", 0.8)),
        _pattern("p-frozen", "--frozen", _stroke("M0 2H4", "--migration", 1.2), size=4),
        _pattern("p-isolated", "--isolated", _stroke("M2 0V4", "--paper", 1.0), size=4),
        _pattern("p-restart", "--restart", _stroke("M0 2.5H5", "--paper", 1.0), size=5, turn=-45),
        _pattern("p-brown", "--brown", '<circle cx="2" cy="2" r="1" style="fill:var(--brown-line)"/>', size=4),
        _pattern("p-path", "--paper", _stroke("M1.5 0V4", "--path", 3.0), size=4),
        _pattern("p-blind", "--bed", _stroke("M0 2H4", "--blind", 1.2), size=4, turn=45),
    )
)

GLYPHS: Final = {
    "armed": "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z",
    "injected": "M-4.5 -4.5H4.5L0 4.5Z",
    "confirmed": "M0 -5L5 0L0 5L-5 0Z",
    "reverted": "M-4.5 4.5H4.5L0 -4.5Z",
    "clean": "M-4.5 -4.5H4.5V4.5H-4.5Z",
    "missed": "M-4 -4L4 4M4 -4L-4 4",
    "edge-down": "M-4 -3.5H4L0 4Z",
    "edge-up": "M-4 3.5H4L0 -4Z",
    "resume": "M-4 -4.5L4.5 0L-4 4.5Z",
}
"""Shapes of marks, eleven pixels wide, around their middle."""

LEGEND: Final = (
    ("bar", "node-up", "Up"),
    ("bar", "node-paused", "Paused, draining (P)"),
    ("bar", "node-rebooting", "Rebooting (R)"),
    ("bar", "node-down", "Down (D)"),
    ("bar", "phase-failed", "step failed"),
    ("bar", "repair", "storage repair"),
    ("bar", "fault-active", "fault active"),
    ("bar", "fault-recovering", "fault reverted, healing"),
    ("mark", "armed", "armed"),
    ("mark", "injected", "injected"),
    ("mark", "confirmed", "confirmed"),
    ("mark", "reverted", "reverted"),
    ("mark", "clean", "clean"),
    ("mark", "resume", "resumed by a new process"),
    ("mark", "missed", "missed, broken off"),
    ("bar", "gap-live-migration", "gap: live migration"),
    ("bar", "gap-frozen", "gap: frozen"),
    ("bar", "gap-isolated", "gap: isolated"),
    ("bar", "gap-restart", "gap: restart"),
    ("bar", "gap-down", "gap: down"),
    ("bar", "gap-unknown", "gap: down, cause unknown"),
    ("bar", "brown", "slow (brownout)"),
    ("bar", "service", "service trouble"),
    ("bar", "path", "path trouble"),
    ("bar", "away", "VMs away"),
    ("bar", "lost", "VMs away, not by live migration"),
    ("bar", "unwell", "VMs slow or in trouble"),
    ("bar", "vm-quiet", "no gap"),
    ("mark", "edge-down", "node's VMs fell silent together"),
    ("mark", "edge-up", "node's VMs came back together"),
    ("bar", "unobserved", "unobserved"),
    ("bar", "blind", "prober blind"),
    ("bar", "ticks", "ticks missed"),
    ("bar", "control-ok", "control target answers"),
    ("bar", "control-slow", "control target slow"),
    ("bar", "control-lost", "control target silent"),
)
"""What the legend says, of what occurs: kind, look or glyph, words."""
