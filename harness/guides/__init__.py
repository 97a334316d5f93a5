"""What the documents say: published troubleshooting guides as data, diagnosis from evidence, remedies as values.

    evidence ──► diagnose ──► ranked candidates ──► remedy (steps, gates) ──► verify with newer evidence

Everything here is pure: `run/guide_cycle.py` asks the nodes and decides when.
"""

from harness.guides.diagnose import Candidate, Diagnosis, diagnose
from harness.guides.load import find_guide, load_catalogue, load_guide
from harness.guides.model import Guide, Matcher, RemedyStep

__all__ = [
    "Candidate",
    "Diagnosis",
    "Guide",
    "Matcher",
    "RemedyStep",
    "diagnose",
    "find_guide",
    "load_catalogue",
    "load_guide",
]
