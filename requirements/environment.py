"""Makes or repairs the private Python environment of a checkout.  Called by `./hil` when it finds no matching stamp.

usage: environment.py ROOT VENV LAYER=SHA256...

It runs on the system's Python, before anything is installed, so it uses the standard library only.

- One process at a time: a lock file in the environment, held through `flock`, which the kernel gives back when its
  holder dies.  Whoever waited looks at the stamps again and mostly finds the work done.
- A marker stands while packages change.  Found at the start, it means that the last attempt was cut off: an environment
  made here is emptied and built again, one that somebody else made is installed over.
- The stamps are written last.  `./hil` compares them on each start and needs no Python for that.
- The checkout is linked, not copied: a `.pth` line and the metadata from which pytest learns of the `hil` plug-in.
  They are written here rather than by `pip install -e`, which would need a build backend, and a network to fetch it.

Exit codes as in docs/reference/exit-codes.md: 0 ready, 2 interrupted, 3 the installation failed, 4 unusable place.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

INTERRUPTED: Final = 2
FAILED: Final = 3
UNUSABLE: Final = 4
MADE_HERE: Final = "hil-made-here"
CHANGING: Final = "hil-changing"
LOCK: Final = "hil.lock"
LOG: Final = "hil-setup.log"
SHOWN_LINES: Final = 12
# Machine-wide settings of pip that would install somewhere else than into the environment.
MISLEADING: Final = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


def say(text: str) -> None:
    sys.stderr.write(f"hil: {text}\n")
    sys.stderr.flush()


def stop(code: int, text: str) -> NoReturn:
    say(text)
    raise SystemExit(code)


def stamp(root: Path, venv: Path, digest: str) -> str:
    """What `stamp_of` in `./hil` prints for the same layer."""
    return f"{root}|{(venv / 'bin' / 'python').resolve()}|{digest}"


def is_ready(root: Path, venv: Path, layer: str, digest: str) -> bool:
    try:
        recorded = (venv / f"hil-{layer}.stamp").read_text(encoding="utf-8")
    except OSError:
        return False
    return recorded.strip() == stamp(root, venv, digest) and os.access(venv / "bin" / "python", os.X_OK)


@contextmanager
def held_lock(venv: Path) -> Iterator[None]:
    """Hold the environment; says so once if another start has it."""
    try:
        venv.mkdir(parents=True, exist_ok=True)
        if not (venv / LOCK).exists() and not (venv / "pyvenv.cfg").exists() and any(venv.iterdir()):
            stop(UNUSABLE, f"'{venv}' holds other things than an environment. Set HIL_VENV to a free place")
        handle = (venv / LOCK).open("a")
    except OSError as error:
        stop(UNUSABLE, f"'{venv}' cannot hold the environment ({error.strerror}). Set HIL_VENV to a writable folder")
    with handle:
        os.set_inheritable(handle.fileno(), True)  # a pip that outlives us keeps the lock until it is done
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another start is setting up '{venv}'; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def prepare(venv: Path) -> bool:
    """Make the environment usable for pip.  Returns True when packages in it may be torn."""
    torn = (venv / CHANGING).exists()
    (venv / CHANGING).touch()
    if is_ours(venv) and (torn or not runs(venv)):
        say(f"setting up the Python environment in '{venv}' (once, about half a minute)")
        make(venv)
        return False
    if not runs(venv):
        (venv / CHANGING).unlink()
        stop(UNUSABLE, f"'{venv}' was not made by hil and has no Python >= 3.11 with pip. Remove it and try again")
    say(f"updating the Python environment in '{venv}'")
    return torn


def is_ours(venv: Path) -> bool:
    """Whether the environment may be emptied: made by this program, or not there yet."""
    return (venv / MADE_HERE).exists() or not (venv / "pyvenv.cfg").exists()


def runs(venv: Path) -> bool:
    """Whether its Python works, is new enough, has pip, and its scripts still name this very place."""
    python = venv / "bin" / "python"
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    if not python.exists() or subprocess.run([python, "-I", "-c", check], capture_output=True).returncode != 0:
        return False
    made_at = venv / MADE_HERE
    return not made_at.exists() or made_at.read_text(encoding="utf-8").strip() == str(venv)


def make(venv: Path) -> None:
    """Build an empty environment; the lock stays, since others wait on that very file."""
    (venv / MADE_HERE).write_text(f"{venv}\n", encoding="utf-8")
    for entry in venv.iterdir():
        if entry.name in {LOCK, MADE_HERE, CHANGING}:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    run([sys.executable, "-I", "-m", "venv", str(venv)], venv, "making the environment")


def install(root: Path, venv: Path, layers: Mapping[str, str], torn: bool) -> None:
    """Install the pinned files of `layers`; every package is checked against its hash, nothing is resolved."""
    common = [str(venv / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes"]
    common += ["--no-deps", "--no-compile", "--no-warn-script-location", "--disable-pip-version-check"]
    if torn:
        common.append("--force-reinstall")
    wheels = [*common, "--only-binary", ":all:"]
    files = [part for layer in layers if layer != "nested" for part in ("-r", f"{root}/requirements/{layer}.txt")]
    if files:
        run([*wheels, *files], venv, "installing the pinned packages")
    if "nested" in layers:
        # Build tools first, pinned and hashed like the rest; then the binding is built with exactly these.
        run([*wheels, "-r", f"{root}/requirements/nested-build.txt"], venv, "installing the build tools")
        build = [*common, "--no-build-isolation", "-r", f"{root}/requirements/nested.txt"]
        run(build, venv, "building the libvirt binding")


def run(command: list[str], venv: Path, what: str) -> None:
    """Run a step with its output in the log; on failure show the lines that say why."""
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, close_fds=False
    )
    with (venv / LOG).open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}")
    if done.returncode == 0:
        return
    lines = [line for line in done.stdout.splitlines() if line.strip() and not is_noise(line)]
    for line in lines[-SHOWN_LINES:]:
        say(f"  {line}")
    stop(
        FAILED,
        f"{what} failed (exit {done.returncode}); the full output is in '{venv / LOG}'. The next start tries again",
    )


def is_noise(line: str) -> bool:
    """Remarks of pip about the machine's own configuration."""
    return line.startswith(("WARNING: Location ", "[notice]")) or ("WARNING: Running pip as" in line)


def link(root: Path, venv: Path) -> None:
    """Make the checkout importable and known as an installed distribution with its entry points."""
    with (root / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
    query = [str(venv / "bin" / "python"), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip())
    stem = project["name"].replace("-", "_")
    for old in site.glob(f"{stem}-*.dist-info"):
        shutil.rmtree(old)
    folder = f"{stem}-{project['version']}.dist-info"
    written = {
        site / f"{stem}.pth": f"{root}\n",
        site / folder / "METADATA": f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n",
        site / folder / "INSTALLER": "hil\n",
        site / folder / "direct_url.json": json.dumps({"url": root.as_uri(), "dir_info": {"editable": True}}) + "\n",
        site / folder / "entry_points.txt": entry_points(project),
    }
    names = [str(path.relative_to(site)) for path in written] + [f"{folder}/RECORD"]
    written[site / folder / "RECORD"] = "".join(f"{name},,\n" for name in names)
    for path, text in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, target in project["scripts"].items():
        module = target.partition(":")[0]
        script = venv / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{venv}/bin/python" -P -m {module} "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def entry_points(project: Mapping[str, Any]) -> str:
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items()) + "\n"
        for group, entries in groups.items()
    )


def set_up(root: Path, venv: Path, wanted: Mapping[str, str]) -> None:
    """Bring every wanted layer to its digest.  Raises SystemExit with one of the codes above."""
    with held_lock(venv):
        if all(is_ready(root, venv, layer, digest) for layer, digest in wanted.items()):
            return
        torn = prepare(venv)
        missing = {layer: digest for layer, digest in wanted.items() if not is_ready(root, venv, layer, digest)}
        for layer in missing:
            (venv / f"hil-{layer}.stamp").unlink(missing_ok=True)
        install(root, venv, missing, torn)
        link(root, venv)
        for layer, digest in missing.items():
            (venv / f"hil-{layer}.stamp").write_text(stamp(root, venv, digest) + "\n", encoding="utf-8")
        (venv / CHANGING).unlink()


def main(arguments: list[str]) -> int:
    root, venv, *layers = arguments
    try:
        set_up(Path(root), Path(venv), dict(layer.split("=", 1) for layer in layers))
    except KeyboardInterrupt:
        say("interrupted while setting up the environment; the next start repairs it")
        return INTERRUPTED
    except OSError as error:
        say(f"the environment '{venv}' could not be written: {error}. The next start tries again")
        return FAILED
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
