"""The folder in which libvirt's driver inside a process keeps its state: made for it, and removed after it.

It may lie outside of the lab's folder, whose path can be too long for QEMU's sockets.  Then nothing but the address in
the owner's record tells of it, and a folder named there is removed only when it is seen to be one that was made here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from harness.labs.nested.files import remove

EMBED: Final = "qemu:///embed"
_SETTINGS_NAME: Final = Path("etc", "qemu.conf")
_MARK: Final = "# Written by azurelocal-hil."
_SETTINGS: Final = f"""\
{_MARK}  virtlogd is a daemon of libvirt's; without it QEMU writes its own log.
stdio_handler = "file"
# The lab's files belong to who runs it: nothing is handed to another user, golden images least of all.
user = "root"
group = "root"
swtpm_user = "root"
swtpm_group = "root"
dynamic_ownership = 0
security_driver = "none"
"""


def root_of(uri: str) -> Path | None:
    """The folder that the address of such a driver names; None for every other address."""
    roots = parse_qs(urlsplit(uri).query).get("root") if uri.startswith(EMBED) else None
    return Path(roots[0]) if roots else None


def prepare_root(uri: str) -> None:
    """Make the folder with its settings; harmless for an address without one."""
    if (root := root_of(uri)) is not None:
        settings = root / _SETTINGS_NAME
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(_SETTINGS)


def is_ours(root: Path) -> bool:
    """Whether a folder was made by `prepare_root`, which may have been killed before it wrote anything."""
    if not root.is_absolute() or root.is_symlink() or not root.is_dir():
        return False
    settings = root / _SETTINGS_NAME
    try:
        if text := settings.read_text(encoding="utf-8"):
            return text.startswith(_MARK)
    except (OSError, ValueError):
        pass
    return _holds_only(root, settings.parent) and _holds_only(settings.parent, settings)


def _holds_only(folder: Path, path: Path) -> bool:
    return not folder.is_dir() or set(folder.iterdir()) <= {path}


def remove_root(root: Path) -> None:
    """Remove such a folder, its settings last, so that a killed removal is found again; harmless for any other."""
    if not is_ours(root):
        return
    settings = root / _SETTINGS_NAME
    for path in (*root.iterdir(), *settings.parent.glob("*")):
        if path not in (settings, settings.parent):
            remove(path)
    remove(root)
