"""The one place that imports libvirt's Python binding, which has no types, and runs its event loop."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from harness.errors import LabError

_HINTS: Final = {
    "VIR_ERR_NO_CONNECT": "apt-get install -y libvirt-daemon-driver-qemu qemu-system-x86 (the driver is missing)",
    "VIR_ERR_OPERATION_DENIED": "run as root, or join the group libvirt",
    "VIR_ERR_AUTH_FAILED": "run as root, or join the group libvirt",
    "VIR_ERR_AUTH_UNAVAILABLE": "run as root, or join the group libvirt",
    "VIR_ERR_ACCESS_DENIED": "run as root, or join the group libvirt",
    "VIR_ERR_NO_SUPPORT": "this hypervisor driver cannot do it",
    "VIR_ERR_CONFIG_UNSUPPORTED": "see which packages the machine lacks (ovmf, swtpm, swtpm-tools, qemu-system-x86)",
}
_ERRORS_ONLY: Final = "4"
"""Of libvirt's levels: the driver inside the process warns on standard error of settings that are meant."""
_starting = threading.Lock()
_started = threading.Event()


def binding() -> Any:
    """The module `libvirt`, with its event loop running and its own messages to standard error silenced.

    Raises LabError when the optional package is not installed.
    """
    os.environ.setdefault("LIBVIRT_DEBUG", _ERRORS_ONLY)  # read when the module is loaded
    try:
        import libvirt
    except ImportError as error:
        raise LabError(
            "the Python package libvirt-python is not installed; nested labs need it",
            hint="apt-get install -y libvirt-dev pkg-config gcc python3-dev, then ./hil --nested doctor",
        ) from error
    with _starting:
        if not _started.is_set():
            _start(libvirt)
            _started.set()
    return libvirt


def qemu_binding() -> Any:
    """The module `libvirt_qemu`: the monitor."""
    binding()
    import libvirt_qemu

    return libvirt_qemu


def _start(libvirt: Any) -> None:
    """The loop must be registered before the first connection is opened, and lives as long as the process."""
    libvirt.registerErrorHandler(lambda _opaque, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()

    def turn() -> None:
        while libvirt.virEventRunDefaultImpl() >= 0:
            pass

    threading.Thread(target=turn, name="libvirt-events", daemon=True).start()


@contextmanager
def translated(libvirt: Any, what: str, *, hint: str = "") -> Iterator[None]:
    """Errors of libvirt inside the block become LabError: `what` says which step failed, on which subject."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise LabError(f"{what}: {error}", hint=hint or hint_for(libvirt, error)) from error


def hint_for(libvirt: Any, error: Any) -> str:
    """What to do about an error of libvirt."""
    text, code = str(error), error.get_error_code()
    if "Permission denied" in text:
        return "run as root, or join the group libvirt; folders of images need o+x"
    if "Failed to connect socket" in text or "Connection refused" in text:
        return "start the daemons: virtlogd -d; libvirtd -d (or systemctl start libvirtd)"
    for name, hint in _HINTS.items():
        if code == getattr(libvirt, name, None):
            return hint
    return "see the log of the domain below the lab's folder or in /var/log/libvirt/qemu"


def is_missing(libvirt: Any, error: Any) -> bool:
    """Whether an error says that there is no such domain."""
    return bool(error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)
