"""Stories as fixtures: a journal of an update, with changes, and its judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.journal import Journal
from harness.judge.judgement import Judgement, judge
from harness.testing.stories import STORIES, Telling


class Tell(Protocol):
    """Tell a story with changes; `extra` may add records to its builder before it is written."""

    def __call__(self, story: str, extra: Callable[[Telling], None] | None = None, **changes: Any) -> Journal: ...


class Try(Protocol):
    """The judgement over the same."""

    def __call__(self, story: str, extra: Callable[[Telling], None] | None = None, **changes: Any) -> Judgement: ...


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    count = 0

    def told(story: str, extra: Callable[[Telling], None] | None = None, **changes: Any) -> Journal:
        nonlocal count
        count += 1
        telling = Telling(tmp_path / f"{story}-{count}", replace(STORIES[story], **{"poll_s": 300, **changes}))
        if extra:
            extra(telling)
        return telling.tell()

    return told


@pytest.fixture
def judged(tell: Tell) -> Try:
    def verdict(story: str, extra: Callable[[Telling], None] | None = None, **changes: Any) -> Judgement:
        return judge(tell(story, extra, **changes))

    return verdict
