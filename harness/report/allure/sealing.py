"""Sealing a generated report: it loads nothing, from nowhere.

Allure 3 puts a tracker into each report and has no switch for it (tried with 3.18.0; [D] allure3 issue 476).  Its
scripts and data stand in the file itself.  A policy in the page forbids the browser what the eye may have missed.
"""

from __future__ import annotations

import re
from typing import Final

from harness.errors import HarnessError

POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline' data: blob:; "
    "img-src data: blob:; font-src data: blob:; media-src data: blob:; connect-src data: blob:; "
    "frame-src data: blob:; child-src data: blob:; worker-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""Content security policy of a sealed page: only what stands in it."""

_HEAD: Final = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_FOREIGN_SCRIPT: Final = re.compile(
    r"<script\b[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//[^>]*>.*?</script\s*>\s*", re.I | re.S
)
_FOREIGN_LINK: Final = re.compile(r"<link\b[^>]*\bhref\s*=\s*[\"']?(?:https?:)?//[^>]*>\s*", re.I)
_TRACKER: Final = re.compile(
    r"<script\b(?![^>]*\bsrc\b)[^>]*>(?:(?!</script).)*?\bfunction\s+gtag\s*\((?:(?!</script).)*?</script\s*>\s*",
    re.I | re.S,
)
_LOADS: Final = re.compile(
    r"<(?:script|link|img|iframe|frame|embed|object|source|video|audio|track|input|image|use|base)\b[^>]*?"
    r"\b(?:src|href|data|poster|srcset)\s*=\s*[\"']?\s*(?:https?:)?//[^\s\"'>]*"
    r"|\burl\(\s*[\"']?(?:https?:)?//[^)\s]*|@import\s+[\"'](?:https?:)?//[^\"'\s]*",
    re.I,
)
_EARLY_DATA: Final = (
    "<script>window.allureReportDataReady=false;window.allureReportData=window.allureReportData||{}</script>"
)
"""Without it a link to one test fails on the first load: the program asks the network for data that stand further
down in the same file (tried with 3.18.0 from file://)."""


def sealed(page: str) -> str:
    """The page without trackers and foreign scripts, styles and fonts, under a policy that lets nothing in.

    Sealing twice gives the same page.  Raises HarnessError when something is left that a browser would load.
    """
    for pattern in (_FOREIGN_SCRIPT, _FOREIGN_LINK, _TRACKER):
        page = pattern.sub("", page)
    if "Content-Security-Policy" not in page:
        tags = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{_EARLY_DATA}'
        page, count = _HEAD.subn(lambda found: found[0] + tags, page, count=1)
        if not count:
            raise HarnessError("the generated report has no <head>", hint="was another version of Allure installed?")
    left = foreign_references(page)
    if left:
        raise HarnessError(
            f"the generated report would load {left[0]}{f' and {len(left) - 1} more' if len(left) > 1 else ''}",
            hint="nothing was written; keep the allure-results folder and report this as a defect",
        )
    return page


def foreign_references(page: str) -> tuple[str, ...]:
    """What a browser would load from elsewhere when it shows the page; links that a person may follow do not count."""
    return tuple(dict.fromkeys(found[0][:200] for found in _LOADS.finditer(page)))
