"""The shell measured against recordings of a real PowerShell engine, case by case and area by area.

``cases`` reads a folder of recordings, ``running`` runs a script as they were recorded, ``comparing`` says in which
aspects the shell differs, ``processes`` does the same for starts of the console program, ``areas`` counts.
"""

from __future__ import annotations

from harness.twin.conformance.areas import AreaResult, Measured, ProcessResult, measure
from harness.twin.conformance.cases import ASPECTS, CasesError

__all__ = ["ASPECTS", "AreaResult", "CasesError", "Measured", "ProcessResult", "measure"]
