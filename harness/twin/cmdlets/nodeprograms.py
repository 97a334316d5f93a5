"""Programs that operators type on a node: ``systeminfo``, ``findstr``, ``wevtutil``, ``bcdedit``, ``net``, ``w32tm`` …

[D] Windows commands; output [GK], as far as the model has what they show.  The domain controller that answers is the
lab's; a remote session has no tickets and no user at a console.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, Any, Final

from harness.twin.cmdlets.accounts import administrators_of, users_of
from harness.twin.cmdlets.processes import processes_of
from harness.twin.cmdlets.services import control, find_service, services_of
from harness.twin.cmdlets.systemprograms import NodeProgram, loud
from harness.twin.cmdlets.windows import PRODUCT, free_memory_kib, local_time, total_memory_kib
from harness.twin.model.files import File
from harness.twin.model.nodeevents import LOGS, log_of
from harness.twin.model.windows.state import LogEntry
from harness.twin.shell.errors import limitation
from harness.twin.shell.host import Writer

_LABEL: Final = 27
_LEVELS: Final = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information"}
_ACCESS_DENIED: Final = 5
_BOOT: Final = """
Windows Boot Manager
--------------------
identifier              {bootmgr}
device                  partition=\\Device\\HarddiskVolume1
path                    \\EFI\\Microsoft\\Boot\\bootmgfw.efi
description             Windows Boot Manager
locale                  en-US
inherit                 {globalsettings}
default                 {current}
displayorder            {current}
toolsdisplayorder       {memdiag}
timeout                 30

Windows Boot Loader
-------------------
identifier              {current}
device                  partition=C:
path                    \\Windows\\system32\\winload.efi
description             @PRODUCT@
locale                  en-US
inherit                 {bootloadersettings}
isolatedcontext         Yes
allowedinmemorysettings 0x15000075
osdevice                partition=C:
systemroot              \\Windows
nx                      OptOut
hypervisorlaunchtype    Auto
"""


def _say(writer: Writer, *lines: str) -> None:
    writer("".join(f"{line}\r\n" for line in lines).encode())


def _unknown(words: Sequence[str]) -> Exception:
    return limitation(f"'{' '.join(words)}' is not simulated")


def _us(moment: Any) -> str:
    """``10/20/2025, 6:00:00 AM``."""
    hour = f"{moment:%I}".lstrip("0")
    return f"{moment.month}/{moment.day}/{moment.year}, {hour}:{moment:%M:%S %p}"


def _megabytes(kib: int) -> str:
    return f"{kib // 1024:,} MB"


@loud
def systeminfo(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """Facts about machine and Windows; lines about what the model does not have are left out."""
    if len(words) > 1:
        raise _unknown(words)
    node, model = host.node, host.model
    vendor, _, product = model.environment.hardware_model.partition(" ")
    total, free = total_memory_kib(node), free_memory_kib(host)
    build = node.os_build
    fields = [
        ("Host Name", node.name),
        ("OS Name", f"Microsoft {PRODUCT}"),
        ("OS Version", f"{build.release} N/A Build {build.build}"),
        ("OS Manufacturer", "Microsoft Corporation"),
        ("OS Configuration", "Member Server"),
        ("OS Build Type", "Multiprocessor Free"),
        ("System Boot Time", _us(local_time(host, node.last_boot_ns))),
        ("System Manufacturer", vendor),
        ("System Model", product or vendor),
        ("System Type", "x64-based PC"),
        ("Windows Directory", "C:\\Windows"),
        ("System Directory", "C:\\Windows\\system32"),
        ("System Locale", "en-us;English (United States)"),
        ("Time Zone", "(UTC) Coordinated Universal Time"),
        ("Total Physical Memory", _megabytes(total)),
        ("Available Physical Memory", _megabytes(free)),
        ("Domain", model.spec.domain),
        ("Hotfix(s)", f"{len(node.kbs)} Hotfix(s) Installed."),
    ]
    _say(stdout, "", *(f"{label + ':':<{_LABEL}}{value}" for label, value in fields))
    _say(stdout, *(f"{'':<{_LABEL}}[{at:02}]: {kb.kb}" for at, kb in enumerate(node.kbs, 1)))
    note = "A hypervisor has been detected. Features required for Hyper-V will not be displayed."
    _say(stdout, f"{'Hyper-V Requirements:':<{_LABEL}}{note}")
    return 0


# --- findstr


@loud
def findstr(host: Any, words: Sequence[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``findstr [/i] [/v] [/n] [/b] [/e] [/r|/l] [/c:TEXT …] [TEXT] [FILE …]``: lines of input or files."""
    options, texts, files = _findstr_words(words)
    if set(options) - set("ivnberlx"):
        raise _unknown(words)
    sought = [_pattern(text, options) for text in texts]
    if not sought:
        _say(stderr, "FINDSTR: Bad command line")
        return 2
    found = False
    for name, lines in _sources(host, files, stdin, stderr):
        for number, line in enumerate(lines, 1):
            if any(pattern.search(line) for pattern in sought) != ("v" in options):
                found = True
                head = (f"{name}:" if len(files) > 1 else "") + (f"{number}:" if "n" in options else "")
                _say(stdout, f"{head}{line}")
    return 0 if found else 1


def _findstr_words(words: Sequence[str]) -> tuple[str, list[str], list[str]]:
    options, exact, plain = "", [], []
    for word in words[1:]:
        if word[:1] in ("/", "-") and len(word) > 1:
            name, colon, value = word[1:].partition(":")
            if colon and name.lower() == "c":
                exact.append(value.strip('"'))
            else:
                options += name.lower() if not colon else "?"
        else:
            plain.append(word)
    if not exact and plain:
        return options, plain[0].split(), plain[1:]
    return options, exact, plain


def _pattern(text: str, options: str) -> re.Pattern[str]:
    """A search text; a text with spaces (``/c:``) is literal unless ``/r`` says otherwise."""
    special = "r" in options or ("l" not in options and " " not in text)
    body = "".join(_translated(text)) if special else re.escape(text)
    if "b" in options or "x" in options:
        body = f"^{body}"
    if "e" in options or "x" in options:
        body = f"{body}$"
    return re.compile(body, re.IGNORECASE if "i" in options else 0)


def _translated(text: str) -> Sequence[str]:
    """The expressions of findstr: ``.``, ``*``, ``^``, ``$``, ``[class]`` and a backslash before a literal."""
    pieces = re.findall(r"\\<|\\>|\\.|\[[^\]]*\]|.", text)
    words = {"\\<": r"\b", "\\>": r"\b"}
    return [words.get(piece, piece if piece[0] in ".*^$[\\" else re.escape(piece)) for piece in pieces]


def _sources(host: Any, files: Sequence[str], stdin: IO[bytes], stderr: Writer) -> list[tuple[str, list[str]]]:
    if not files:
        return [("", stdin.read().decode("utf-8", "replace").splitlines())]
    found = []
    for name in files:
        path = name if name[1:2] == ":" else f"{host.location.rstrip(chr(92))}\\{name}"
        entry = host.node.files.find(path)
        if not isinstance(entry, File) or entry.content is None:
            _say(stderr, f"FINDSTR: Cannot open {name}")
        else:
            found.append((name, entry.content.decode("utf-8", "replace").splitlines()))
    return found


# --- event logs


@loud
def wevtutil(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``wevtutil el`` and ``wevtutil qe LOG [/c:N] [/rd:true] /f:text``, for the logs that are simulated."""
    verb = words[1].lower() if len(words) > 1 else ""
    if verb in ("el", "enum-logs"):
        _say(stdout, *sorted(LOGS))
        return 0
    options = dict(word[1:].lower().partition(":")[::2] for word in words[3:] if word[:1] == "/")
    plain = set(options) <= {"c", "count", "rd", "reversedirection", "f", "format"}
    text = options.get("f", options.get("format", "xml")) == "text"
    if verb not in ("qe", "query-events") or len(words) < 3 or not plain or not text:
        raise _unknown(words)
    log = next((name for name in LOGS if name.lower() == words[2].lower()), None)
    if log is None:
        _say(stderr, "Failed to read events. The specified channel could not be found.")
        return 15007
    entries = [entry for entry in log_of(host.model, host.node) if entry.log == log]
    if options.get("rd", options.get("reversedirection")) == "true":
        entries.reverse()
    count = options.get("c", options.get("count", ""))
    for number, entry in enumerate(entries[: int(count)] if count.isdecimal() else entries):
        _say(stdout, *_event_lines(host, number, entry))
    return 0


def _event_lines(host: Any, number: int, entry: LogEntry) -> list[str]:
    moment = host.model.datetime_at(entry.t_ns)
    return [
        f"Event[{number}]",
        f"  Log Name: {entry.log}",
        f"  Source: {entry.provider}",
        f"  Date: {moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}0000Z",
        f"  Event ID: {entry.id}",
        "  Task: N/A",
        f"  Level: {_LEVELS[entry.level]}",
        "  Opcode: N/A",
        "  Keyword: N/A",
        "  User: N/A",
        "  User Name: N/A",
        f"  Computer: {host.computer_name}.{host.model.spec.domain}",
        "  Description: ",
        entry.message,
        "",
    ]


# --- boot, time, policies, users


@loud
def bcdedit(_host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``bcdedit`` and ``bcdedit /enum``; changing the store is not simulated."""
    if [word.lower() for word in words[1:]] not in ([], ["/enum"], ["/enum", "{current}"], ["/enum", "active"]):
        raise _unknown(words)
    _say(stdout, *_BOOT.replace("@PRODUCT@", PRODUCT).splitlines(), "")
    return 0


@loud
def w32tm(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``w32tm /query /source|/status`` and ``/resync``: the time of a member of a domain."""
    source = f"dc01.{host.model.spec.domain}"
    options = [word.lower() for word in words[1:]]
    if options == ["/query", "/source"]:
        _say(stdout, source)
    elif options == ["/query", "/status"]:
        _say(
            stdout,
            "Leap Indicator: 0(no warning)",
            "Stratum: 4 (secondary reference - syncd by (S)NTP)",
            "Precision: -23 (119.209ns per tick)",
            f"Last Successful Sync Time: {_us(local_time(host, host.model.now_ns)).replace(',', '')}",
            f"Source: {source}",
            "Poll Interval: 6 (64s)",
            "",
        )
    elif options[:1] == ["/resync"]:
        _say(stdout, "Sending resync command to local computer", "The command completed successfully.")
    else:
        raise _unknown(words)
    return 0


@loud
def gpupdate(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``gpupdate [/force] [/target:…]``: there are no policies, so it succeeds while the domain can be reached."""
    if {word.lower() for word in words[1:]} - {"/force", "/target:computer", "/target:user"}:
        raise _unknown(words)
    _say(stdout, "Updating policy...", "")
    if not (host.node.management_up and host.node.network_up):
        _say(
            stdout,
            "Computer policy could not be updated successfully. The following errors were encountered:",
            "",
            "The processing of Group Policy failed because of lack of network connectivity to a domain controller.",
        )
        return 1
    _say(
        stdout,
        "Computer Policy update has completed successfully.",
        "User Policy update has completed successfully.",
        "",
    )
    return 0


@loud
def klist(_host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """The tickets of the session: a log-on by NTLM or CredSSP has none."""
    options = [word.lower() for word in words[1:]]
    if options not in ([], ["tickets"], ["purge"]):
        raise _unknown(words)
    _say(stdout, "", "Current LogonId is 0:0x3e7")
    if options == ["purge"]:
        _say(stdout, "        Deleting all tickets:", "        Ticket(s) purged!")
    else:
        _say(stdout, "", "Cached Tickets: (0)")
    return 0


@loud
def query_user(_host: Any, words: Sequence[str], _stdin: IO[bytes], _stdout: Writer, stderr: Writer) -> int:
    """Nobody is logged on at the console or over Remote Desktop."""
    if words[0].lower().startswith("query") and [word.lower() for word in words[1:2]] != ["user"]:
        raise _unknown(words)
    _say(stderr, "No User exists for *")
    return 1


@loud
def wusa(host: Any, words: Sequence[str], _stdin: IO[bytes], _stdout: Writer, _stderr: Writer) -> int:
    """Refused in a session over the network ([D] KB2773898): exit code 5; else not simulated."""
    if host.delegated:
        raise _unknown(words)
    return _ACCESS_DENIED


@loud
def setx(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``setx NAME VALUE /m``: a variable of the machine, which new processes inherit."""
    rest = [word for word in words[1:] if word.lower() not in ("/m", "-m")]
    if len(rest) != len(words) - 2 or len(rest) != 2:
        if len(rest) == 2:
            raise limitation("variables of a user are not simulated; use /m")
        _say(stderr, 'ERROR: Invalid syntax. Type "SETX /?" for usage.')
        return 1
    host.node.variables[rest[0]] = rest[1]
    _say(stdout, "", "SUCCESS: Specified value was saved.")
    return 0


@loud
def expand(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``expand SOURCE TARGET``: copies a file that is not compressed; cabinets have no content here."""
    _say(
        stdout, "Microsoft (R) File Expansion Utility", "Copyright (c) Microsoft Corporation. All rights reserved.", ""
    )
    files = host.node.files
    paths = [word if word[1:2] == ":" else f"{host.location.rstrip(chr(92))}\\{word}" for word in words[1:]]
    if len(words) == 3 and words[1][:1] not in ("-", "/") and not isinstance(files.find(paths[0]), File):
        _say(stdout, f"Can't open input file: {words[1]}.")
        return -1
    if len(words) != 3 or files.read(paths[0]).content is None or files.read(paths[0]).content.startswith(b"MSCF"):
        raise _unknown(words)
    files.copy(paths[0], paths[1])
    _say(stdout, f"Copying {words[1]} to {words[2]}.", f"{words[1]}: {files.read(paths[0]).size} bytes copied.", "")
    return 0


@loud
def tzutil(_host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``tzutil /g``: the time zone."""
    if [word.lower() for word in words[1:]] != ["/g"]:
        raise _unknown(words)
    stdout(b"UTC")
    return 0


@loud
def tasklist(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``tasklist /fo csv|list [/nh]``: names and ids; the table would need memory, which is not simulated."""
    options = [word.lower() for word in words[1:]]
    if options[:1] != ["/fo"] or options[1:2] not in (["csv"], ["list"]) or set(options[2:]) - {"/nh"}:
        raise limitation(f"'{' '.join(words)}' is not simulated: processes have no memory; /fo csv is")
    rows = [(item.name if item.role == "kernel" else f"{item.name}.exe", item.pid) for item in processes_of(host)]
    if options[1] == "csv":
        head = [] if "/nh" in options else ['"Image Name","PID","Session Name","Session#","Mem Usage"']
        _say(stdout, *head, *(f'"{name}","{pid}","Services","0","N/A"' for name, pid in rows))
        return 0
    for name, pid in rows:
        _say(stdout, "", f"Image Name:   {name}", f"PID:          {pid}", "Session Name: Services", "Session#:     0")
    return 0


# --- net


@loud
def net(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``net start|stop [SERVICE]``, ``net user`` and ``net localgroup Administrators``."""
    verb = words[1].lower() if len(words) > 1 else ""
    rest = words[2:]
    if verb == "start" and not rest:
        running = sorted(row.shown for row in services_of(host) if row.running)
        lines = [f"   {name}" for name in running]
        _say(stdout, "These Windows services are started:", "", *lines, "", "The command completed successfully.", "")
        return 0
    if verb in ("start", "stop") and len(rest) == 1:
        return _net_service(host, verb, rest[0], stdout, stderr)
    if verb in ("user", "users") and not rest:
        return _net_list(stdout, f"User accounts for \\\\{host.computer_name}", [user.name for user in users_of(host)])
    if verb == "localgroup" and [word.lower() for word in rest] == ["administrators"]:
        own = f"{host.computer_name}\\".lower()
        names = [name[len(own) :] if name.lower().startswith(own) else name for name, _, _ in administrators_of(host)]
        _say(stdout, "Alias name     Administrators")
        _say(stdout, "Comment        Administrators have complete and unrestricted access to the computer/domain", "")
        _say(stdout, "Members", "", "-" * 79, *names, "The command completed successfully.", "")
        return 0
    raise _unknown(words)


def _net_list(stdout: Writer, head: str, names: Sequence[str]) -> int:
    rows = ["".join(f"{name:<25}" for name in names[at : at + 3]) for at in range(0, len(names), 3)]
    _say(stdout, "", head, "", "-" * 79, *rows, "The command completed successfully.", "")
    return 0


def _net_service(host: Any, verb: str, name: str, stdout: Writer, stderr: Writer) -> int:
    row = find_service(host, name) or next(
        (item for item in services_of(host) if item.shown.lower() == name.lower()), None
    )
    if row is None:
        _say(stderr, "The service name is invalid.", "", "More help is available by typing NET HELPMSG 2185.", "")
        return 2
    if row.running == (verb == "start"):
        state, number = ("has already been started", 2182) if row.running else ("is not started", 3521)
        _say(
            stderr,
            f"The {row.shown} service {state}.",
            "",
            f"More help is available by typing NET HELPMSG {number}.",
            "",
        )
        return 2
    control(host, row, stop=verb == "stop", start=verb == "start", what=f"net {verb}")
    did = "started" if verb == "start" else "stopped"
    _say(stdout, f"The {row.shown} service was {did} successfully.", "")
    return 0


PROGRAMS: Final[dict[str, NodeProgram]] = {
    "systeminfo": systeminfo,
    "findstr": findstr,
    "wevtutil": wevtutil,
    "bcdedit": bcdedit,
    "w32tm": w32tm,
    "gpupdate": gpupdate,
    "klist": klist,
    "query": query_user,
    "quser": query_user,
    "wusa": wusa,
    "setx": setx,
    "net": net,
    "expand": expand,
    "tzutil": tzutil,
    "tasklist": tasklist,
}
