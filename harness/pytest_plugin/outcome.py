"""What a scenario's verdict is to pytest.

`ScenarioFailed` is an AssertionError: the product failed.  `ScenarioBroken` is not: lab, harness or too little
evidence. Allure makes *failed* and *broken* of the two.
"""

from __future__ import annotations

from harness.values import Verdict

FAILED = frozenset({Verdict.FAIL, Verdict.STUCK, Verdict.GUIDE_GAP})


class ScenarioFailed(AssertionError):  # noqa: N818 - the word of the trade
    """The product, or its guide, did not do what the plan demands; the text says what, where and when."""


class ScenarioBroken(Exception):  # noqa: N818
    """Nothing is proven: the lab, the harness or the evidence failed; the text says why and what to do."""


def raise_for(verdict: Verdict, text: str) -> None:
    """Raise what stands for `verdict`; nothing for a pass."""
    if verdict in FAILED:
        raise ScenarioFailed(text)
    if verdict is not Verdict.PASS:
        raise ScenarioBroken(text)
