"""Secrets of a lab: references in files, values only in memory, resolved as late as possible.

`secret://env/NAME` is an environment variable, `secret://file/PATH` the first line of a file (relative to the
checkout), `secret://exec/COMMAND` the first line that a command prints; `secret://generated` is made by the lab
itself.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Final

from harness.errors import SecretError
from harness.labs.models import Credential, LabFile
from harness.paths import root

GENERATED: Final = "secret://generated"
EXEC_WITHIN_S: Final = 20


def resolve(reference: str) -> str:
    """The secret that `reference` names.  Raises SecretError, which names the reference and never a value."""
    kind, _, rest = reference.removeprefix("secret://").partition("/")
    reader = {"env": _from_environment, "file": _from_file, "exec": _from_command}.get(kind)
    if reader is None:
        raise SecretError(
            f"'{reference}' cannot be resolved here", hint="use secret://env/NAME, file/PATH or exec/COMMAND"
        )
    value = reader(rest, reference)
    if not value:
        raise SecretError(f"'{reference}' is empty", hint="give it a value")
    return value


def check_secrets(lab: LabFile) -> None:
    """Can every secret of `lab` be resolved now?  Called before anything is touched.  Raises SecretError."""
    for credential in credentials_of(lab):
        if credential.secret != GENERATED:
            resolve(credential.secret)


def credentials_of(lab: LabFile) -> list[Credential]:
    """The accounts that the lab file names."""
    accounts = (lab.credentials.node, lab.credentials.bmc, lab.credentials.guest)
    return [account for account in accounts if account is not None]


def _from_environment(name: str, reference: str) -> str:
    if name not in os.environ:
        raise SecretError(
            f"secret '{reference}' is missing: the environment has no variable '{name}'", hint=f"export {name}=…"
        )
    return os.environ[name]


def _from_file(path: str, reference: str) -> str:
    try:
        return (root() / Path(path).expanduser()).read_text(encoding="utf-8").partition("\n")[0]
    except OSError as error:
        raise SecretError(
            f"secret '{reference}' is missing: {error.strerror}",
            hint="a path is relative to the checkout, or begins with / or ~",
        ) from error


def _from_command(command: str, reference: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=EXEC_WITHIN_S, check=True)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SecretError(
            f"secret '{reference}' is missing: its command failed ({type(error).__name__})",
            hint="run the command by hand",
        ) from error
    return done.stdout.partition("\n")[0]
