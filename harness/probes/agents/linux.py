"""The agent in a Linux guest, over SSH: a folder, and a systemd unit, or a detached process where there is no systemd.

The guest's host key must be known beforehand, from a known_hosts file or as a fingerprint; an unknown key is refused.
Scripts go to the standard input of `sh`, files by SFTP: no command line shows the key.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import paramiko

from harness.errors import ConfigError, CredentialRejectedError, ProductError, TransportError
from harness.probes.agents.settings import INSTALL, LINUX, AgentLook, AgentSettings, agent_text, undo_record

SCRIPT: Final = "heartbeat.py"
SETTINGS: Final = "heartbeat.json"
UNIT: Final = "azurelocal-hil-heartbeat.service"
CONNECT_WITHIN_S: Final = 20.0
RUN_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class LinuxPlace:
    """Where the agent lives in a guest.  `unit_folder` is where systemd finds units, `systemd_marker` exists where
    systemd runs ([D] sd_booted)."""

    folder: str = "/opt/azurelocal-hil"
    unit_folder: str = "/etc/systemd/system"
    systemd_marker: str = "/run/systemd/system"


@dataclass(frozen=True, slots=True)
class SshTarget:
    """A guest that is reached over SSH.

    One of `known_hosts` (a file) and `fingerprint` (`SHA256:…`, as ssh-keygen -l shows it) says which host key is the
    guest's.  Log-on is by `key_file`, or else by `password`.
    """

    guest: str
    address: str
    username: str
    port: int = 22
    key_file: str = ""
    password: str = field(default="", repr=False)
    known_hosts: str = ""
    fingerprint: str = ""


class _Fingerprint(paramiko.MissingHostKeyPolicy):
    """Accepts the one key that was named."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raises TransportError for any other key."""
        shown = fingerprint_of(key)
        if not self._target.fingerprint or shown != self._target.fingerprint.rstrip("="):
            wanted = self._target.fingerprint or f"one of {self._target.known_hosts}"
            raise TransportError(
                f"guest '{self._target.guest}' at {self._target.address}:{self._target.port} shows the host key "
                f"{shown} ({key.get_name()}), expected {wanted}",
                hint="compare it with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub in the guest, on its console",
            )


def fingerprint_of(key: paramiko.PKey) -> str:
    """`SHA256:…`, as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


@contextmanager
def connected(target: SshTarget) -> Iterator[paramiko.SSHClient]:
    """An SSH connection.  Raises ConfigError without a known host key, TransportError, CredentialRejectedError."""
    if not target.known_hosts and not target.fingerprint:
        raise ConfigError(
            f"the host key of guest '{target.guest}' is not known",
            hint="name a known_hosts file, or the fingerprint that ssh-keygen -l shows on the guest's console",
        )
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Fingerprint(target))
    try:
        if target.known_hosts:
            client.load_host_keys(target.known_hosts)
        client.connect(
            target.address,
            target.port,
            target.username,
            password=target.password or None,
            key_filename=target.key_file or None,
            timeout=CONNECT_WITHIN_S,
            banner_timeout=CONNECT_WITHIN_S,
            auth_timeout=CONNECT_WITHIN_S,
            allow_agent=False,
            look_for_keys=False,
        )
        yield client
    except paramiko.AuthenticationException as error:
        raise CredentialRejectedError(
            f"guest '{target.guest}' refused the log-on of '{target.username}': {error}",
            hint="correct the account; it is not tried again",
        ) from error
    except paramiko.BadHostKeyException as error:
        raise TransportError(
            f"guest '{target.guest}' shows another host key than {target.known_hosts} has for it: "
            f"{fingerprint_of(error.key)}",
            hint="find out why before anything is sent to it; then correct the file",
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise TransportError(
            f"guest '{target.guest}' at {target.address}:{target.port} cannot be reached over SSH: {error}",
            hint="try ssh to it by hand; is the port open, the file readable?",
        ) from error
    finally:
        client.close()


# --- scripts

_COMMON: Final = """set -u
folder=@FOLDER@; unit=@UNIT@; unit_folder=@UNIT_FOLDER@; marker=@MARKER@
script="$folder/heartbeat.py"; config="$folder/heartbeat.json"; pid_file="$folder/heartbeat.pid"
has_systemd() { [ -d "$marker" ] && command -v systemctl >/dev/null 2>&1 && [ -w "$unit_folder" ]; }
own_pids() {
  # The first grep may find itself: it has ended when the second one looks.
  for entry in $(grep -lsFxz -e "$script" /proc/[0-9]*/cmdline); do
    if grep -qsFxz -e --settings "$entry"; then entry=${entry#/proc/}; echo "${entry%/cmdline}"; fi
  done
}
told() { sed -nE 's/.*"'"$1"'": "?([^",}]*).*/\\1/p' "$config"; }
tell() {
  pids=$(own_pids | tr '\\n' ' ')
  echo "pids=$pids"
  starts=no
  if has_systemd && systemctl is-enabled "$unit" >/dev/null 2>&1; then starts=yes; fi
  echo "starts=$starts"
  for file in "$script" "$config" "$pid_file" "$unit_folder/$unit"; do
    if [ -e "$file" ]; then echo "left=file $file"; fi
  done
  if [ -d "$folder" ]; then echo "left=folder $folder"; fi
  for pid in $pids; do echo "left=process $pid"; done
  if [ -r "$config" ]; then
    echo "target=$(told host):$(told port)"
    echo "period=$(told period_ms)"
    echo "agent=$(told agent)"
    if grep -q '"key":' "$config"; then echo "signed=yes"; fi
  fi
}
fail() { echo "failed=$1"; tell; exit 0; }
stop_all() {
  if has_systemd && [ -e "$unit_folder/$unit" ]; then systemctl stop "$unit" >/dev/null 2>&1; fi
  for pid in $(own_pids); do kill "$pid" 2>/dev/null; done
  tries=0
  while [ -n "$(own_pids)" ] && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    if [ "$tries" -eq 30 ]; then for pid in $(own_pids); do kill -9 "$pid" 2>/dev/null; done; fi
    sleep 0.1
  done
}
"""

_PREPARE: Final = """python=$(command -v python3) || fail "the guest has no python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 6))' || fail "python3 of the guest is older than 3.6"
mkdir -p "$folder" && chmod 700 "$folder" || fail "$folder cannot be made"
echo "python=$python"
exit 0
"""

_PLACE: Final = """python=$(command -v python3)
same=yes
for name in heartbeat.py heartbeat.json; do cmp -s "$folder/$name" "$folder/.new.$name" || same=no; done
if has_systemd; then cmp -s "$unit_folder/$unit" "$folder/.new.$unit" || same=no; fi
if [ "$same" = no ] || [ -z "$(own_pids)" ]; then
  stop_all
  mv -f "$folder/.new.heartbeat.py" "$script" && chmod 755 "$script" || fail "$script cannot be written"
  mv -f "$folder/.new.heartbeat.json" "$config" && chmod 600 "$config" || fail "$config cannot be written"
  if has_systemd; then
    cat "$folder/.new.$unit" >"$unit_folder/$unit" || fail "$unit_folder/$unit cannot be written"
    systemctl daemon-reload && systemctl enable "$unit" >/dev/null 2>&1 && systemctl restart "$unit" \\
      || fail "systemd does not start $unit: $(systemctl is-active "$unit" 2>&1)"
  else
    said=$("$python" "$script" --settings "$config" --pid-file "$pid_file" --detach 2>&1) || fail "it said: $said"
  fi
fi
rm -f "$folder/.new.heartbeat.py" "$folder/.new.heartbeat.json" "$folder/.new.$unit"
tries=0
while [ -z "$(own_pids)" ] && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
sleep 0.1
[ -n "$(own_pids)" ] || fail "the agent ended at once"
"""

_REMOVE: Final = """stop_all
if [ -d "$marker" ] && [ -e "$unit_folder/$unit" ]; then
  systemctl disable "$unit" >/dev/null 2>&1
  rm -f "$unit_folder/$unit"
  systemctl daemon-reload >/dev/null 2>&1
  systemctl reset-failed "$unit" >/dev/null 2>&1
fi
rm -f "$script" "$config" "$pid_file" "$pid_file.part" "$folder"/.new.*
rm -rf "$folder/__pycache__"
if [ -d "$folder" ]; then rmdir "$folder" 2>/dev/null || fail "$folder holds files that are not the agent's"; fi
"""


def _filled(body: str, place: LinuxPlace) -> str:
    values = {
        "@FOLDER@": place.folder,
        "@UNIT@": UNIT,
        "@UNIT_FOLDER@": place.unit_folder,
        "@MARKER@": place.systemd_marker,
    }
    head = _COMMON
    for name, value in values.items():
        head = head.replace(name, shlex.quote(value))
    # As a function, so that nothing that runs in it reads the rest of the script from standard input.
    return f"main() {{\n{head}{body}tell\n}}\nmain </dev/null\n"


# --- verbs


def install_record(target: SshTarget, place: LinuxPlace = LinuxPlace()) -> dict[str, Any]:
    """The intent of an installation, to be journalled before `install_agent`."""
    return undo_record(LINUX, target.guest, **asdict(place))


def install_agent(client: paramiko.SSHClient, settings: AgentSettings, place: LinuxPlace = LinuxPlace()) -> AgentLook:
    """See to it that the agent runs with these settings, and starts by itself where there is systemd.

    One that runs with exactly these settings is left alone.  Raises ProductError when the guest cannot run it,
    TransportError.
    """
    prepared = _run(client, _filled(_PREPARE, place), settings.guest)
    _checked(settings.guest, prepared)
    agent, python = agent_text(SCRIPT), _pairs(prepared)["python"][0]
    unit = agent_text(UNIT).replace("@FOLDER@", place.folder).replace("@PYTHON@", python)
    try:
        with client.open_sftp() as files:
            for name, text in ((SCRIPT, agent), (SETTINGS, settings.document(agent)), (UNIT, unit)):
                _upload(files, f"{place.folder}/.new.{name}", text)
    except (paramiko.SSHException, OSError) as error:
        raise TransportError(
            f"guest '{settings.guest}': the agent cannot be uploaded to {place.folder}: {error}",
            hint="is SFTP switched on in its sshd, and the folder writable for this account?",
        ) from error
    look = _checked(settings.guest, _run(client, _filled(_PLACE, place), settings.guest))
    if not look.running:
        raise ProductError(f"guest '{settings.guest}': the agent does not run", hint=f"start {place.folder}/{SCRIPT}")
    return look


def look_at_agent(client: paramiko.SSHClient, guest: str, place: LinuxPlace = LinuxPlace()) -> AgentLook:
    """What there is of the agent; changes nothing.  Raises TransportError."""
    return _checked(guest, _run(client, _filled("", place), guest))


def remove_agent(client: paramiko.SSHClient, guest: str, place: LinuxPlace = LinuxPlace()) -> AgentLook:
    """Take unit, process, files and folder away.  Raises ProductError, which names what is left, or TransportError."""
    look = _checked(guest, _run(client, _filled(_REMOVE, place), guest))
    if not look.absent:
        raise ProductError(
            f"guest '{guest}': the agent was removed, and this is left: {', '.join(look.leftovers)}",
            hint="remove it in the guest by hand, or send the removal again",
        )
    return look


def undo(client: paramiko.SSHClient, record: Mapping[str, Any]) -> AgentLook:
    """Remove what `record` announced.  Raises ValueError for a record of something else, and as `remove_agent`."""
    if record.get("what") != INSTALL or record.get("system") != LINUX:
        raise ValueError(f"no record of an agent in a Linux guest: {record.get('what')}, {record.get('system')}")
    place = LinuxPlace(**{name: str(record[name]) for name in asdict(LinuxPlace())})
    return remove_agent(client, str(record["guest"]), place)


def _upload(files: paramiko.SFTPClient, path: str, text: str) -> None:
    """Readable by its owner only from the first byte on."""
    with contextlib.suppress(OSError):
        files.remove(path)
    with files.open(path, "wx") as file:
        file.chmod(stat.S_IRUSR | stat.S_IWUSR)
        file.write(text.encode("ascii"))


def _run(client: paramiko.SSHClient, script: str, guest: str) -> str:
    """What `sh` prints when it reads `script` from its standard input."""
    try:
        stdin, stdout, stderr = client.exec_command("sh -s", timeout=RUN_WITHIN_S)
        stdin.write(script)
        stdin.channel.shutdown_write()
        said: bytes = stdout.read()
        complaint: bytes = stderr.read()
        code = stdout.channel.recv_exit_status()
    except (paramiko.SSHException, OSError) as error:
        raise TransportError(
            f"guest '{guest}': a script did not end over SSH: {error}", hint="send it again: it does no harm"
        ) from error
    if code != 0:
        raise ProductError(
            f"guest '{guest}': a script ended with {code}: {complaint.decode(errors='replace').strip()[:500]}",
            hint="run the agent's commands in the guest by hand",
        )
    return said.decode(errors="replace")


def _pairs(said: str) -> dict[str, list[str]]:
    """`name=value` lines, by name."""
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault(name, []).append(value)
    return found


def _checked(guest: str, said: str) -> AgentLook:
    """The look that a script told.  Raises ProductError when it says that it failed."""
    told = _pairs(said)
    if "failed" in told:
        raise ProductError(f"guest '{guest}': {told['failed'][0]}", hint="mend that in the guest, and send it again")
    pids = tuple(int(pid) for pid in told.get("pids", [""])[0].split())
    return AgentLook(
        running=bool(pids),
        starts_by_itself=told.get("starts") == ["yes"],
        pids=pids,
        target=told.get("target", [""])[0],
        period_ms=int(told.get("period", [""])[0] or 0),
        agent=told.get("agent", [""])[0],
        signed=told.get("signed") == ["yes"],
        leftovers=tuple(told.get("left", ())),
    )
