"""Programs of a node beside the shell's own: ``fsutil`` and ``Dism.exe`` ([T] TSG EnvironmentValidator; texts [GK])."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import IO, Any, Final

from harness.twin.cmdlets.azmodules import PROGRAMS as AZURE
from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.programs import network_programs
from harness.twin.cmdlets.nodeprograms import PROGRAMS as TYPED
from harness.twin.cmdlets.registration import PROGRAMS as AGENTS
from harness.twin.cmdlets.systemprograms import PROGRAMS
from harness.twin.cmdlets.taskprogram import PROGRAMS as TASKS
from harness.twin.cmdlets.views import size_text
from harness.twin.model.files import FileError, FileFault, Folder, NodeFiles
from harness.twin.shell.host import Program, Writer

_FAILED: Final = 1
_WRONG_PARAMETER: Final = 87
"""ERROR_INVALID_PARAMETER ([D] Win32 system error codes)."""
_FSUTIL_USAGE: Final = (
    "Usage : fsutil file createnew <filename> <length>\r\n   Eg : fsutil file createnew C:\\testfile.txt 1000\r\n"
)
_FSUTIL_ERRORS: Final = {
    FileFault.EXISTS: "The file exists.",
    FileFault.NO_SPACE: "There is not enough space on the disk.",
    FileFault.PARENT_MISSING: "The system cannot find the path specified.",
    FileFault.NO_DRIVE: "The system cannot find the path specified.",
    FileFault.BAD_NAME: "The filename, directory name, or volume label syntax is incorrect.",
}
_ACTIONS: Final = (
    "startcomponentcleanup",
    "analyzecomponentstore",
    "checkhealth",
    "scanhealth",
    "restorehealth",
)


def node_programs(host: Any) -> Mapping[str, Program]:
    """The programs, bound to a node's process."""
    own = {name: partial(program, host) for name, program in (PROGRAMS | TYPED | TASKS | AGENTS | AZURE).items()}
    return {"fsutil": partial(_fsutil, host), "dism": partial(_dism, host), **own, **network_programs(host)}


def _limitation(what: str, stderr: Writer) -> int:
    stderr(f"twin limitation: {what} is not simulated\r\n".encode())
    return _FAILED


def _fsutil(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``fsutil file createnew PATH BYTES``: a file of zeros."""
    if [word.lower() for word in words[1:3]] != ["file", "createnew"]:
        return _limitation(f"'{' '.join(words)}'", stderr)
    if len(words) != 5 or not words[4].isdecimal():
        stdout(_FSUTIL_USAGE.encode())
        return _FAILED
    path, files = words[3], host.node.files
    if path[1:2] != ":":
        path = f"{host.location.rstrip(chr(92))}\\{path}"
    try:
        if files.exists(path):
            raise FileError(FileFault.EXISTS, path)
        files.allocate(path, int(words[4]))
    except FileError as error:
        stdout(f"Error:  {_FSUTIL_ERRORS.get(error.fault, str(error))}\r\n".encode())
        return _FAILED
    stdout(f"File {path} is created\r\n".encode())
    return 0


def _dism(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``/Online /Cleanup-Image`` with a cleanup, an analysis or a check; all but ``/CheckHealth`` take lab time."""
    options = {word.lower().lstrip("/-") for word in words[1:]} - {"norestart", "english", "quiet"}
    action = next((name for name in _ACTIONS if name in options), None)
    head = f"\r\nDeployment Image Servicing and Management tool\r\nVersion: {host.node.os_build.version}\r\n\r\n"
    if "online" not in options or "cleanup-image" not in options or action is None:
        if {"online", "cleanup-image"} <= options or not options:
            stdout(f"{head}\r\nError: {_WRONG_PARAMETER}\r\n".encode())
            return _WRONG_PARAMETER
        return _limitation(f"'{' '.join(words)}'", stderr)
    if options - {"online", "cleanup-image", action}:
        return _limitation(f"'{' '.join(words)}'", stderr)
    stdout(f"{head}Image Version: {host.node.os_build.version}\r\n\r\n".encode())
    acts: Mapping[str, Callable[[Any], str]] = {_ACTIONS[0]: _clean, _ACTIONS[1]: _analyze, _ACTIONS[2]: _check}
    stdout(acts.get(action, _scan)(host).encode())
    stdout(b"The operation completed successfully.\r\n")
    return 0


def _clean(host: Any) -> str:
    host.wait(load_costs().wait_s("component_cleanup"))
    host.node.files.clean_components()
    return "[==========================100.0%==========================] \r\n"


def _check(host: Any) -> str:
    """What is known of damage: none."""
    del host
    return "No component store corruption detected.\r\n"


def _scan(host: Any) -> str:
    """Looks for damage, and would repair it."""
    host.wait(load_costs().wait_s("component_analysis"))
    return f"[==========================100.0%==========================] {_check(host)}"


def _analyze(host: Any) -> str:
    host.wait(load_costs().wait_s("component_analysis"))
    files: NodeFiles = host.node.files
    store = files.find("C:\\Windows\\WinSxS")
    total = store.total_bytes() if isinstance(store, Folder) else 0
    left = files.reclaimable_bytes
    return (
        "[===========================99.7%========================= ] \r\n\r\n"
        "Component Store (WinSxS) information:\r\n\r\n"
        f"Windows Explorer Reported Size of Component Store : {size_text(total)}\r\n\r\n"
        f"Actual Size of Component Store : {size_text(total)}\r\n\r\n"
        f"    Shared with Windows : {size_text(total - left)}\r\n"
        f"    Backups and Disabled Features : {size_text(left)}\r\n"
        f"    Cache and Temporary Data : {size_text(0)}\r\n\r\n"
        f"Number of Reclaimable Packages : {1 if left else 0}\r\n"
        f"Component Store Cleanup Recommended : {'Yes' if left else 'No'}\r\n\r\n"
    )
