"""Templates to text, and text to files.

Pages load nothing: no script, no style sheet, no font, no picture from elsewhere.  Everything that a journal says is
escaped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.clock import NS_PER_S
from harness.errors import HarnessError
from harness.judge.case import elapsed
from harness.paths import replace_file, templates_dir
from harness.report.record import seqs_text
from harness.report.wording import duration_text, length_text, printable


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
    environment.filters["measured"] = lambda seconds: length_text(round(float(seconds) * NS_PER_S))
    environment.filters["lab_time"] = lambda t_ns: "" if t_ns is None else elapsed(int(t_ns))
    environment.filters["seqs"] = seqs_text
    return environment


def render(template: str, **values: object) -> str:
    """The page `template` with `values`."""
    return _environment(templates_dir()).get_template(template).render(**values)


def compile_templates() -> None:
    """Compile all templates now, so that the first page does not have to wait for it."""
    environment = _environment(templates_dir())
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


def write_page(path: Path, text: str) -> None:
    """Write a page, or a file beside one, atomically.  Raises HarnessError."""
    try:
        replace_file(path, text)
    except OSError as error:
        raise HarnessError(
            f"cannot write '{path}': {error.strerror}",
            hint="free space on the disk; pages can be made again at any time: hil report build RUN",
        ) from error
