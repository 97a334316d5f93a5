"""Files of the simulated machines: one local drive C: for each, and ``C:\\ClusterStorage``, which all of them share.

A file has a size and perhaps a content; a folder may hold *unlisted* bytes: what lies in it without being modelled file
by file (Windows itself, the component store).  Contents survive restarts and power loss.  Names keep their case and are
found without regard to it.  Only the drive C: has a capacity; the shared volumes are not counted against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from harness.twin.units import BYTES_PER_GIB

SHARED = "ClusterStorage"
"""Name of the folder below ``C:\\`` in which every node sees the cluster shared volumes ([D] ASD file system map)."""
_FORBIDDEN = frozenset('<>:"|?*')
"""[GK] Characters which no name of a file may have."""


class FileFault(StrEnum):
    """Why a file operation was refused."""

    MISSING = "missing"
    PARENT_MISSING = "parent missing"
    EXISTS = "exists"
    IS_FOLDER = "is a folder"
    NOT_EMPTY = "not empty"
    NO_SPACE = "no space"
    BAD_NAME = "bad name"
    NO_DRIVE = "no drive"
    WITHIN_ITSELF = "within itself"


class FileError(Exception):
    """A file operation which Windows would refuse; nothing has changed."""

    def __init__(self, fault: FileFault, path: str) -> None:
        super().__init__(fault.value, path)
        self.fault = fault
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.fault.value}"


@dataclass(slots=True, eq=False)
class File:
    """A file.  ``content`` is None where only the size is modelled; times are nanoseconds of lab time."""

    name: str
    size: int
    content: bytes | None
    created_ns: int
    modified_ns: int


@dataclass(slots=True, eq=False)
class Folder:
    """A folder with its children by lower-case name."""

    name: str
    created_ns: int = 0
    modified_ns: int = 0
    unlisted_bytes: int = 0
    elsewhere: bool = False
    """The root of other volumes: its bytes are not those of the drive it is seen on."""
    children: dict[str, Entry] = field(default_factory=dict)

    def total_bytes(self) -> int:
        """Bytes in this folder and below it on the same volume."""
        total = self.unlisted_bytes
        for child in self.children.values():
            if isinstance(child, File):
                total += child.size
            elif not child.elsewhere:
                total += child.total_bytes()
        return total

    def sorted_children(self) -> list[Entry]:
        """Children as Windows lists them: folders first, each kind by name [GK]."""
        return sorted(self.children.values(), key=lambda child: (isinstance(child, File), child.name.lower()))

    def add(self, entry: Entry) -> None:
        """Put *entry* into the folder, in place of one of the same name."""
        self.children[entry.name.lower()] = entry


Entry = File | Folder


@dataclass(slots=True, eq=False)
class Drive:
    """The system drive of one machine."""

    capacity_bytes: int
    root: Folder
    lost_bytes: int = 0
    """Bytes which deletion did not give back (a defect on request)."""

    @property
    def used_bytes(self) -> int:
        """Bytes in use."""
        return self.root.total_bytes() + self.lost_bytes

    @property
    def free_bytes(self) -> int:
        """Bytes left."""
        return self.capacity_bytes - self.used_bytes


class NodeFiles:
    """The file system as one machine sees it.

    Paths are absolute, ``C:\\…`` with either kind of slash.  ``mounted`` tells whether the machine reaches a cluster
    shared volume; what it does not reach is not there.
    """

    def __init__(self, drive: Drive, now: Callable[[], int], *, frees: bool = True) -> None:
        self.drive = drive
        self.mounted: Callable[[str], bool] = lambda _volume: True
        self.reclaimable_bytes = 0
        """What a component cleanup would take out of ``C:\\Windows\\WinSxS``."""
        self._now = now
        self._frees = frees

    @property
    def free_gb(self) -> float:
        """Free space of C: in GB as the product counts them, 2^30 bytes."""
        return self.drive.free_bytes / BYTES_PER_GIB

    # --- reading

    def find(self, path: str) -> Entry | None:
        """What is at *path*, None for nothing."""
        try:
            parts = split_path(path)
        except FileError:
            return None
        return self._walk(parts)

    def exists(self, path: str) -> bool:
        """Whether something is at *path*."""
        return self.find(path) is not None

    def listing(self, path: str) -> list[Entry]:
        """Children of the folder at *path*; none for a file or nothing."""
        found = self.find(path)
        return found.sorted_children() if isinstance(found, Folder) else []

    def walk(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Everything below *path* with its path: the children of a folder, then what is in each of them."""
        children = self.listing(path)
        base = path.rstrip("\\")
        for child in children:
            yield f"{base}\\{child.name}", child
        for child in children:
            if isinstance(child, Folder):
                yield from self.walk(f"{base}\\{child.name}")

    def read(self, path: str) -> File:
        """The file at *path*.  Raises FileError."""
        found = self.find(path)
        if found is None:
            raise FileError(FileFault.MISSING if self.find(parent_of(path)) else FileFault.PARENT_MISSING, path)
        if isinstance(found, Folder):
            raise FileError(FileFault.IS_FOLDER, path)
        return found

    def canonical(self, path: str) -> str:
        """*path* with the case of names as stored, as far as it exists."""
        parts, shown = split_path(path), "C:"
        for at, part in enumerate(parts):
            found = self._walk(parts[: at + 1])
            shown += f"\\{found.name if found is not None else part}"
        return shown if parts else "C:\\"

    # --- changing

    def make_folder(self, path: str) -> Folder:
        """The folder at *path*, made with all its parents where it is missing.  Raises FileError."""
        folder = self.drive.root
        parts = split_path(path)
        for at, part in enumerate(parts):
            child = self._walk(parts[: at + 1])
            if child is None:
                _check_name(part, path)
                child = Folder(part, self._now(), self._now())
                folder.add(child)
                folder.modified_ns = self._now()
            if isinstance(child, File):
                raise FileError(FileFault.EXISTS, path)
            folder = child
        return folder

    def write(self, path: str, content: bytes) -> File:
        """Make or overwrite the file at *path*.  Raises FileError."""
        return self._put(path, len(content), content)

    def allocate(self, path: str, size: int) -> File:
        """Make or overwrite a file of *size* bytes whose content is not modelled.  Raises FileError."""
        return self._put(path, size, None)

    def remove(self, path: str, *, recurse: bool = False) -> None:
        """Delete what is at *path*.  Raises FileError, also for a folder with content unless *recurse*."""
        folder, entry = self._parent(path), self.find(path)
        if entry is None:
            raise FileError(FileFault.MISSING, path)
        _refuse_root(path)
        if isinstance(entry, Folder) and (entry.children or entry.unlisted_bytes) and not recurse:
            raise FileError(FileFault.NOT_EMPTY, path)
        self._drop(folder, entry, path)

    def copy(self, source: str, target: str) -> Entry:
        """Copy file or folder tree to *target*, an exact path; a file there is replaced.  Raises FileError."""
        entry = self._movable(source, target)
        self._reserve(entry, target)
        made = _duplicate(entry, split_path(target)[-1], self._now())
        self._place(made, target)
        return made

    def move(self, source: str, target: str) -> Entry:
        """Move file or folder tree to *target*, an exact path where nothing is yet.  Raises FileError."""
        _refuse_root(source)
        entry, folder = self._movable(source, target), self._parent(source)
        if self.exists(target) and self.find(target) is not entry:
            raise FileError(FileFault.EXISTS, target)
        if self._local(target) and not self._local(source):
            self._reserve(entry, target)
        name = split_path(target)[-1]
        _check_name(name, target)
        del folder.children[entry.name.lower()]
        entry.name = name
        self._place(entry, target)
        folder.modified_ns = self._now()
        return entry

    def clean_components(self) -> int:
        """Take the reclaimable part out of the component store; return the bytes freed."""
        store = self.find("C:\\Windows\\WinSxS")
        if not self._frees or not isinstance(store, Folder):
            return 0
        freed = min(self.reclaimable_bytes, store.unlisted_bytes)
        store.unlisted_bytes -= freed
        self.reclaimable_bytes = 0
        return freed

    # --- inner steps

    def _walk(self, parts: tuple[str, ...]) -> Entry | None:
        entry: Entry = self.drive.root
        for at, part in enumerate(parts):
            child = entry.children.get(part.lower()) if isinstance(entry, Folder) else None
            if child is None or (at == 1 and parts[0].lower() == SHARED.lower() and not self.mounted(child.name)):
                return None
            entry = child
        return entry

    def _parent(self, path: str) -> Folder:
        found = self.find(parent_of(path))
        if not isinstance(found, Folder):
            raise FileError(FileFault.PARENT_MISSING, path)
        return found

    def _put(self, path: str, size: int, content: bytes | None) -> File:
        folder, parts = self._parent(path), split_path(path)
        if not parts:
            raise FileError(FileFault.IS_FOLDER, path)
        old = folder.children.get(parts[-1].lower())
        if isinstance(old, Folder):
            raise FileError(FileFault.IS_FOLDER, path)
        _check_name(parts[-1], path)
        if self._local(path) and size - (old.size if old else 0) > self.drive.free_bytes:
            raise FileError(FileFault.NO_SPACE, path)
        now = self._now()
        made = File(old.name if old else parts[-1], size, content, old.created_ns if old else now, now)
        folder.add(made)
        folder.modified_ns = now
        return made

    def _movable(self, source: str, target: str) -> Entry:
        entry = self.find(source)
        if entry is None:
            raise FileError(FileFault.MISSING, source)
        self._parent(target)
        if isinstance(entry, Folder) and is_below(target, source):
            raise FileError(FileFault.WITHIN_ITSELF, target)
        return entry

    def _reserve(self, entry: Entry, target: str) -> None:
        size = entry.size if isinstance(entry, File) else entry.total_bytes()
        if self._local(target) and size > self.drive.free_bytes:
            raise FileError(FileFault.NO_SPACE, target)

    def _place(self, entry: Entry, target: str) -> None:
        folder = self._parent(target)
        _check_name(entry.name, target)
        folder.add(entry)
        folder.modified_ns = self._now()

    def _drop(self, folder: Folder, entry: Entry, path: str) -> None:
        if not self._frees and self._local(path):
            self.drive.lost_bytes += entry.size if isinstance(entry, File) else entry.total_bytes()
        del folder.children[entry.name.lower()]
        folder.modified_ns = self._now()

    def _local(self, path: str) -> bool:
        parts = split_path(path)
        return not parts or parts[0].lower() != SHARED.lower()


def split_path(path: str) -> tuple[str, ...]:
    """Names below ``C:\\``, with ``.`` and ``..`` resolved.  Raises FileError for another drive."""
    drive, colon, rest = path.replace("/", "\\").partition(":")
    if not colon or drive.lower() != "c":
        raise FileError(FileFault.NO_DRIVE, path)
    parts: list[str] = []
    for part in rest.split("\\"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


def parent_of(path: str) -> str:
    """The folder above *path*; the root is its own."""
    return "C:\\" + "\\".join(split_path(path)[:-1])


def is_below(path: str, folder: str) -> bool:
    """Whether *path* is *folder* or lies in it."""
    inner, outer = (tuple(part.lower() for part in split_path(item)) for item in (path, folder))
    return inner[: len(outer)] == outer


def _refuse_root(path: str) -> None:
    """Drive, shared folder and volumes stay where they are.  Raises FileError."""
    parts = split_path(path)
    if not parts or (parts[0].lower() == SHARED.lower() and len(parts) <= 2):
        raise FileError(FileFault.IS_FOLDER, path)


def _check_name(name: str, path: str) -> None:
    if _FORBIDDEN & set(name):
        raise FileError(FileFault.BAD_NAME, path)


def _duplicate(entry: Entry, name: str, now: int) -> Entry:
    """A copy with the original's time of last change, as Windows makes it [GK]."""
    if isinstance(entry, File):
        return File(name, entry.size, entry.content, now, entry.modified_ns)
    made = Folder(name, now, now, entry.unlisted_bytes)
    for child in entry.children.values():
        made.add(_duplicate(child, child.name, now))
    return made
