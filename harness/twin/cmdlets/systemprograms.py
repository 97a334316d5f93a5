"""``whoami``, ``sc``, ``reg`` and ``shutdown`` of a node ([D] Windows commands; output [GK])."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from harness.twin.cmdlets.accounts import user_of
from harness.twin.cmdlets.processes import process_of
from harness.twin.cmdlets.registrykeys import children_of, data_text, find_key, full_name, make_value, parse_key
from harness.twin.cmdlets.services import ServiceRow, control, find_service, services_of, set_start
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.host import Writer

NodeProgram = Callable[[Any, Sequence[str], IO[bytes], Writer, Writer], int]
_FAILED: Final = 1
_NO_SERVICE: Final = 1060
_RUNS_ALREADY: Final = 1056
_NOT_STARTED: Final = 1062
"""ERROR_SERVICE_DOES_NOT_EXIST, _ALREADY_RUNNING, _NOT_ACTIVE ([D] Win32 system error codes)."""
_CODES: Final = {
    _NO_SERVICE: "The specified service does not exist as an installed service.",
    _RUNS_ALREADY: "An instance of the service is already running.",
    _NOT_STARTED: "The service has not been started.",
}
_STARTS: Final = {"auto": "Automatic", "demand": "Manual", "disabled": "Disabled"}


def loud(program: NodeProgram) -> NodeProgram:
    """What a program cannot do fails with its reason on standard error."""

    def run(host: Any, words: Sequence[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        try:
            return program(host, words, stdin, stdout, stderr)
        except PSError as error:
            stderr(f"{error.record.message}\r\n".encode())
            return _FAILED

    return run


@loud
def whoami(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """The user, in lower case."""
    if len(words) > 1:
        raise limitation(f"'{' '.join(words)}' is not simulated")
    stdout(f"{user_of(host).lower()}\r\n".encode())
    return 0


@loud
def shutdown(host: Any, words: Sequence[str], _stdin: IO[bytes], _stdout: Writer, _stderr: Writer) -> int:
    """``shutdown /r /t 0``: an orderly restart, at once."""
    low = [word.lower().replace("-", "/") for word in words[1:]]
    if "/r" not in low or "/t" not in low or low[low.index("/t") + 1 :][:1] != ["0"]:
        raise limitation(f"'{' '.join(words)}' is not simulated; only /r /t 0 is")
    host.model.restart_node(host.computer_name)
    return 0


# --- sc


@loud
def sc(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``sc query|queryex|start|stop|config NAME``."""
    verb = words[1].lower() if len(words) > 1 else ""
    if verb in ("query", "queryex"):
        rows = [row for row in services_of(host) if row.running] if len(words) == 2 else _named(host, words[2])
        if not rows:
            return _sc_failed(stdout, "EnumQueryServicesStatus:OpenService", _NO_SERVICE)
        for row in rows:
            stdout(_status(host, row, extended=verb == "queryex").encode())
        return 0
    if verb not in ("start", "stop", "config") or len(words) < 3:
        raise limitation(f"'{' '.join(words)}' is not simulated")
    return _change(host, verb, words, stdout)


def _change(host: Any, verb: str, words: Sequence[str], stdout: Writer) -> int:
    rows = _named(host, words[2])
    if not rows:
        return _sc_failed(stdout, "OpenService" if verb != "start" else "StartService: OpenService", _NO_SERVICE)
    row = rows[0]
    if verb == "config":
        options = " ".join(words[3:]).lower().replace("= ", "=").split()
        start = _STARTS.get(options[0].removeprefix("start=")) if len(options) == 1 else None
        if start is None:
            raise limitation(f"'{' '.join(words)}' is not simulated")
        set_start(host, row, start)
        stdout(b"[SC] ChangeServiceConfig SUCCESS\r\n")
        return 0
    if verb == "start" and row.running:
        return _sc_failed(stdout, "StartService", _RUNS_ALREADY)
    if verb == "stop" and not row.running:
        return _sc_failed(stdout, "ControlService", _NOT_STARTED)
    control(host, row, stop=verb == "stop", start=verb == "start", what=f"sc {verb}")
    stdout(_status(host, _named(host, words[2])[0], extended=False).encode())
    return 0


def _named(host: Any, name: str) -> list[ServiceRow]:
    row = find_service(host, name)
    return [] if row is None else [row]


def _sc_failed(stdout: Writer, what: str, code: int) -> int:
    stdout(f"[SC] {what} FAILED {code}:\r\n\r\n{_CODES[code]}\r\n\r\n".encode())
    return code


def _status(host: Any, row: ServiceRow, *, extended: bool) -> str:
    state = "4  RUNNING " if row.running else "1  STOPPED "
    flags = "STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN" if row.running else ""
    lines = [
        "",
        f"SERVICE_NAME: {row.name} ",
        *([f"DISPLAY_NAME: {row.shown}"] if extended else []),
        "        TYPE               : 10  WIN32_OWN_PROCESS  ",
        f"        STATE              : {state}",
        *([f"                                ({flags})"] if flags else []),
        "        WIN32_EXIT_CODE    : 0  (0x0)",
        "        SERVICE_EXIT_CODE  : 0  (0x0)",
        "        CHECKPOINT         : 0x0",
        "        WAIT_HINT          : 0x0",
    ]
    if extended:
        pid = process_of(host, row).pid if row.running else 0
        lines += [f"        PID                : {pid}", "        FLAGS              : "]
    return "".join(f"{line}\r\n" for line in lines)


# --- reg


@loud
def reg(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``reg query KEY [/v NAME]``, ``reg add KEY /v NAME /t TYPE /d DATA /f``, ``reg delete KEY /v NAME /f``."""
    verb = words[1].lower() if len(words) > 1 else ""
    key = parse_key(words[2]) if len(words) > 2 else None
    options = _options(words[3:])
    if key is None or options is None or verb not in ("query", "add", "delete"):
        raise limitation(f"'{' '.join(words)}' is not simulated")
    if verb == "query":
        return _query(host, key, words[2], options, stdout, stderr)
    if verb == "add":
        host.node.registry.make(key) if not _is_there(host, key, words[2]) else None
        if "v" in options:
            kind = options.get("t", "REG_SZ").upper().removeprefix("REG_").replace("_SZ", "String")
            host.node.registry.put(key, options["v"], _value(options.get("d", ""), kind))
        stdout(b"The operation completed successfully.\r\n")
        return 0
    if "v" not in options or "f" not in options or not host.node.registry.drop_value(key, options["v"]):
        raise limitation(
            f"'{' '.join(words)}' is not simulated: only values that were written here are deleted, with /f"
        )
    stdout(b"The operation completed successfully.\r\n")
    return 0


def _is_there(host: Any, key: str, path: str) -> bool:
    try:
        return find_key(host.node, key, path) is not None
    except PSError:
        return False


def _value(text: str, kind: str) -> Any:
    names = {"SZ": "String", "EXPANDString": "ExpandString", "MULTIString": "MultiString"}
    try:
        return make_value(text, names.get(kind, kind))
    except ValueError:
        raise limitation(f"the data '{text}' of a registry value is not simulated") from None


def _options(words: Sequence[str]) -> dict[str, str] | None:
    """Options with their values; None for one that is not known."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        name = rest.pop(0).lower().lstrip("/-")
        if name == "f":
            found[name] = ""
        elif name in ("v", "t", "d") and rest:
            found[name] = rest.pop(0)
        else:
            return None
    return found


def _query(host: Any, key: str, path: str, options: dict[str, str], stdout: Writer, stderr: Writer) -> int:
    found = find_key(host.node, key, path)
    name = options.get("v", "").lower()
    values = {} if found is None else {shown: value for shown, value in found[1].items() if name in ("", shown.lower())}
    if found is None or (name and not values):
        stderr(b"ERROR: The system was unable to find the specified registry key or value.\r\n")
        return _FAILED
    lines = [f"    {shown}    {value.kind}    {data_text(value)}" for shown, value in values.items()]
    below: list[str] = []
    entry = host.node.registry.keys.get(key.lower())
    if not name and entry is not None and entry.made:
        below = [full_name(child) for child, _ in children_of(host.node, found[0])]
    stdout("\r\n".join(["", full_name(found[0]), *lines, "", *below, ""]).encode())
    return 0


PROGRAMS: Final[dict[str, NodeProgram]] = {
    "whoami": whoami,
    "shutdown": shutdown,
    "sc": sc,
    "reg": reg,
}
