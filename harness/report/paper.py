"""Templates to text, and text to files.

Pages load nothing: no script, no style sheet, no font, no picture from elsewhere.  Everything that a journal says is
escaped.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.errors import HarnessError
from harness.judge.case import elapsed
from harness.paths import templates_dir
from harness.report.record import seqs_text
from harness.report.wording import duration_text, printable


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
    )
    environment.filters["duration"] = lambda seconds: "" if seconds is None else duration_text(float(seconds))
    environment.filters["lab_time"] = lambda t_ns: "" if t_ns is None else elapsed(int(t_ns))
    environment.filters["seqs"] = seqs_text
    return environment


def render(template: str, **values: object) -> str:
    """The page `template` with `values`."""
    return _environment(templates_dir()).get_template(template).render(**values)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never a part.  Raises HarnessError."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise HarnessError(
            f"cannot write '{path}': {error.strerror}",
            hint="free space on the disk; pages can be made again at any time: hil report build RUN",
        ) from error
