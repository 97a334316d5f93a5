"""`hil` itself: finds the noun, runs the command, turns whatever happens into an exit code."""

from __future__ import annotations

import os
import sys
import tomllib
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from harness.cli import NOUNS
from harness.cli.called import called_as, say
from harness.clock import slow_collector
from harness.errors import HarnessError
from harness.exits import Exit
from harness.paths import root

PROGRAM: Final = "hil"
COMPLETION: Final = "_HIL_COMPLETE"  # set by the shell function that `--install-completion` writes

COMPLETION_OPTIONS: Final = {"install_completion", "show_completion"}


class LazyGroup(TyperGroup):
    """The group of all nouns: placeholders with a help line each, replaced by the real command when one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for noun, (_, summary) in NOUNS.items():
            self.add_command(TyperCommand(noun, short_help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the noun in `args` and import it.  Raises typer's usage error, with a suggestion, for an unknown one."""
        noun, _, rest = super().resolve_command(ctx, args)
        return noun, load(noun) if noun else None, rest


def load(noun: str) -> Any:
    """Import the module of `noun` and build its typer command."""
    slow_collector()
    module, _, attribute = NOUNS[noun][0].partition(":")
    command = typer.main.get_command(getattr(import_module(module), attribute))
    command.name = noun
    make_plain(command)
    return command


def make_plain(command: Any) -> None:
    """Take frames and colours from the help of a command and of those below it, and the completion options, which
    belong to `hil` itself.  Plain help reads well in a log and appears twice as fast.  In a list of commands each is
    described by its whole first sentence, which would be cut off otherwise."""
    command.rich_markup_mode = None
    command.params = [option for option in command.params if option.name not in COMPLETION_OPTIONS]
    command.short_help = command.short_help or first_sentence(command.help or "")
    for verb in getattr(command, "commands", {}).values():
        make_plain(verb)


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".") + "." if paragraph else ""


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `./hil demo`. Exit codes: docs/reference/exit-codes.md.",
)


def show_version(wanted: bool) -> None:
    """Print the version that the checkout states, and end."""
    if wanted:
        project = tomllib.loads((root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        typer.echo(f"{PROGRAM} {project['version']}")
        raise typer.Exit


@app.callback()
def hil(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Hardware-in-the-loop test harness for Azure Local update workflows."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`harness.exits.Exit`); `None` takes the arguments of the process.

    A command ends with `return Exit.…` or `raise typer.Exit(code)`, and reports trouble by raising a `HarnessError`.
    Typer's own exit codes are translated, since 1 and 2 mean other things here.
    """
    command = typer.main.get_command(app)
    if COMPLETION in os.environ:
        command.main(prog_name=PROGRAM)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with command.make_context(called_as(), words) as context:
            result = command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.TyperException as error:
        return complain_of_usage(error)
    except HarnessError as error:
        return complain(str(error), error.hint, Exit[error.code])
    except (KeyboardInterrupt, typer.Abort):
        return complain("interrupted", "", Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the reader of our output left, as in `hil … | head`
        return Exit.PASS
    except Exception as error:  # noqa: BLE001 - the outermost frame: Python's own exit code 1 would read as a verdict
        subject = f"{type(error).__name__}: {error}"
        return complain(f"defect of the harness: {subject}", "HIL_DEBUG=1 shows where it comes from", Exit.HARNESS)
    return result if isinstance(result, Exit) else Exit.PASS


def complain(text: str, hint: str, code: Exit) -> Exit:
    """Say on stderr what went wrong and what to do next; with `HIL_DEBUG=1` also where."""
    if os.environ.get("HIL_DEBUG") == "1":
        traceback.print_exc()
    say(f"{PROGRAM}: {text}", err=True)
    if hint:
        say(f"  next: {hint}", err=True)
    return code


def complain_of_usage(error: typer.TyperException) -> Exit:
    """Show a mistake on the command line, or just the help where a noun was named without its verb."""
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None and text == context.get_help():
        typer.echo(text)
        return Exit.USAGE
    path = context.command_path if context else called_as()
    return complain(text[:1].lower() + text[1:], f"`{path} --help` shows what there is", Exit.USAGE)
