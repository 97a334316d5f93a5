"""`ledger.json`: the ledger as plain data; schema in reports/schemas/ledger.schema.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from harness.measure.conditions import Condition
from harness.measure.gaps import Gap
from harness.measure.ledger import Ledger, VmLedger

LEDGER_SCHEMA: Final = 2


def ledger_text(ledger: Ledger) -> str:
    """The text of `ledger.json`; the same ledger always gives the same bytes."""
    return json.dumps(ledger_document(ledger), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """Plain data of `ledger.json`."""
    return {
        "schema": LEDGER_SCHEMA,
        "from_ns": ledger.from_ns,
        "to_ns": ledger.to_ns,
        "interval_ns": ledger.interval_ns,
        "coverage": ledger.coverage,
        "control": {"due": ledger.due, "missed": ledger.missed},
        "unobserved": [asdict(blind) for blind in ledger.unobserved],
        "classes": [_renamed(asdict(each)) for each in ledger.classes],
        "node_edges": [asdict(each) | {"vms": list(each.vms)} for each in ledger.node_edges],
        "vms": [_vm_document(vm) for vm in ledger.vms],
    }


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    return {"class" if key == "vm_class" else key: value for key, value in document.items()}


def _vm_document(vm: VmLedger) -> dict[str, Any]:
    return {
        "vm": vm.vm,
        "class": vm.vm_class,
        "coverage": vm.coverage,
        "samples": vm.samples,
        "count": len(vm.gaps),
        "longest_ns": vm.longest_ns,
        "total_ns": vm.total_ns,
        "visible_ns": vm.visible_ns,
        "gaps": [_gap_document(gap) for gap in vm.gaps],
        "conditions": [_condition_document(each) for each in vm.conditions],
    }


def _gap_document(gap: Gap) -> dict[str, Any]:
    document = {key: value for key, value in asdict(gap).items() if key != "vm"}
    return document | {
        "cause": gap.cause.value,
        "state": gap.state.value,
        "reason": gap.reason,
        "signals": list(gap.signals),
        "duration_ns": gap.duration_ns,
        "error_ns": gap.error_ns,
        "open": gap.open,
        "host_difference_ns": gap.host_difference_ns,
    }


def _condition_document(condition: Condition) -> dict[str, Any]:
    return asdict(condition) | {
        "kind": condition.kind.value,
        "signals": list(condition.signals),
        "duration_ns": condition.duration_ns,
    }
