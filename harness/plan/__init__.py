"""What to prove: plan files, scenarios as values, and all that can be said about them before a lab is touched.

`load_plan(path).scenarios` are frozen, fully resolved values; `render` shows one, `to_plain` saves one, `fits` compares
one with a lab, `check_budget` guards its faults.
"""

from harness.plan.fits import LabOffer, Misfit, fits
from harness.plan.guard import Refusal, check_budget, plan_refusals
from harness.plan.load import Plan, find_plan, load_plan, plan_files
from harness.plan.models import Scenario
from harness.plan.plain import canonical_json, from_plain, plan_sha256, to_plain
from harness.plan.problem import Problem, SourceError
from harness.plan.render import render

__all__ = [
    "LabOffer",
    "Misfit",
    "Plan",
    "Problem",
    "Refusal",
    "Scenario",
    "SourceError",
    "canonical_json",
    "check_budget",
    "find_plan",
    "fits",
    "from_plain",
    "load_plan",
    "plan_files",
    "plan_refusals",
    "plan_sha256",
    "render",
    "to_plain",
]
