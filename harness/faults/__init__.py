"""What goes wrong: faults with a full life cycle.

    new ──check──► ready ──inject──► active ──recover──► recovering ──proof──► clean
                     │                 │                     │
                     └── missed        └──── no proof ───────┴──► invalid

`check` before anything; the undo record is journalled *before* `inject`; `active` is entered only with proof from a
source other than the injector, `clean` likewise.  `undo` works from a fresh process with nothing but the record.
"""

from harness.faults.catalog import mode_of, undo
from harness.faults.port import FaultMode, FaultState, Proof
from harness.faults.view import NodeFact, View

__all__ = ["FaultMode", "FaultState", "NodeFact", "Proof", "View", "mode_of", "undo"]
