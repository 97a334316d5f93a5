"""The finished node image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

KERNEL_NAME: Final = "kernel"
INITRD_NAME: Final = "initrd"
DISK_NAME: Final = "disk.qcow2"


@dataclass(frozen=True, slots=True)
class NodeImage:
    """Kernel, initrd and root disk that boot an emulated node.

    The files never change: nodes get overlays over `disk`.  `digest` is the hash of all that went into it, `size_bytes`
    what the three files take up here.
    """

    digest: str
    kernel: Path
    initrd: Path
    disk: Path
    size_bytes: int

    @classmethod
    def at(cls, folder: Path, digest: str) -> NodeImage:
        """The image whose files are in `folder`.  Raises OSError when one is missing."""
        kernel, initrd, disk = (folder / name for name in (KERNEL_NAME, INITRD_NAME, DISK_NAME))
        size = sum(file.stat().st_size for file in (kernel, initrd, disk))
        return cls(digest, kernel, initrd, disk, size)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "digest": self.digest,
            "kernel": str(self.kernel),
            "initrd": str(self.initrd),
            "disk": str(self.disk),
            "size_bytes": self.size_bytes,
        }
