"""One libvirt connection as a `Hypervisor`.

`embed_uri(folder)` is the driver inside this process: no daemon, state below a folder, QEMU processes outlive a killed
owner and are found again by the next process that opens the same folder.  A process can open one such
folder for good ("already open with path" [measured]), and no local daemon after it.  Otherwise `qemu:///system`,
`qemu+ssh://…`, or `test:///default`, libvirt's mock.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from harness.clock import DeadlineExpiredError, monotonic_ns, wait_until
from harness.errors import ConfigError, LabError
from harness.labs.nested import events
from harness.labs.nested.binding import binding, is_missing, qemu_binding, translated
from harness.labs.nested.embedroot import EMBED, prepare_root, root_of
from harness.labs.nested.port import DomainEvent, DomainState
from harness.netns import inside

EMBED_ROOT_LIMIT: Final = 51
"""Characters of the folder: up to 56 more are the path of QEMU's monitor, a socket of at most 107 ([D] unix(7))."""
_VCPU_PERIOD_US: Final = 100_000
_UNPLUG_WITHIN_S: Final = 10.0
_KEEP_ALIVE: Final = (5, 3)
"""Seconds between questions to a remote daemon, and how many may stay without an answer."""

Listener = Callable[[DomainEvent], None]


def embed_uri(folder: Path) -> str:
    """The address of the driver inside this process with its state in `folder`.  Nothing is made yet.

    Raises ConfigError for a folder whose path is too long for QEMU's sockets.
    """
    if len(str(folder)) > EMBED_ROOT_LIMIT or not folder.is_absolute():
        raise ConfigError(
            f"'{folder}' cannot hold libvirt's state: its path must be absolute, at most {EMBED_ROOT_LIMIT} characters",
            hint="use a shorter state folder: HIL_STATE",
        )
    return f"{EMBED}?root={folder}"


_embedding = threading.Event()
"""Whether this process has opened the driver inside itself."""


def _check_company(uri: str) -> None:
    """Raises LabError where libvirt has no way: with its driver inside, a process does not reach a local daemon's
    ("Missing URI parameter 'root'" [measured]).  The other order works."""
    address = urlsplit(uri)
    if uri.startswith(EMBED):
        _embedding.set()
    elif _embedding.is_set() and address.scheme.startswith("qemu") and not address.hostname:
        raise LabError(
            f"no connection to the hypervisor {uri}: this process has opened libvirt's driver inside itself",
            hint="use the daemon from another process, or from this one before",
        )


class Connection:
    """A `Hypervisor` by libvirt.  Methods may be called from any thread.

    With `namespace`, every call that makes taps or processes is made in that network namespace.
    """

    def __init__(self, uri: str, namespace: str = "") -> None:
        """Connect.  Raises LabError when the binding, a driver, a daemon or a right is missing."""
        self._uri, self._namespace = uri, namespace
        self._libvirt = binding()
        self._listeners: list[Listener] = []
        _check_company(uri)
        prepare_root(uri)
        with self._inside(), self._translated(f"no connection to the hypervisor {uri}"):
            self._connection = self._libvirt.open(uri)
        if urlsplit(uri).hostname:
            with suppress(self._libvirt.libvirtError):  # an old daemon does not know it
                self._connection.setKeepAlive(*_KEEP_ALIVE)
        self._callbacks: list[int] = []

    @property
    def uri(self) -> str:
        """See Hypervisor."""
        return self._uri

    def close(self) -> None:
        """See Hypervisor."""
        with suppress(self._libvirt.libvirtError):
            for number in self._callbacks:
                self._connection.domainEventDeregisterAny(number)
            self._connection.close()

    # --- events ------------------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Have `listener` called with every event from now on, in libvirt's own thread: it must be quick."""
        self._listeners.append(listener)
        if not self._callbacks:
            self._register()

    def _register(self) -> None:
        libvirt = self._libvirt

        def said(kind: str, words: Callable[..., str]) -> Callable[..., None]:
            def callback(_connection: Any, domain: Any, *values: Any) -> None:
                event = DomainEvent(domain.name(), kind, words(*values[:-1]), monotonic_ns())
                for listener in tuple(self._listeners):
                    listener(event)

            return callback

        wanted: Mapping[str, Callable[..., None]] = {
            "LIFECYCLE": said("lifecycle", events.lifecycle),
            "REBOOT": said("reboot", lambda: "rebooted"),
            "WATCHDOG": said("watchdog", events.watchdog),
            "IO_ERROR_REASON": said("io-error", lambda path, alias, action, reason: f"{alias}: {reason or path}"),
            "DEVICE_REMOVED": said("device-removed", lambda alias: str(alias)),
        }
        for name, callback in wanted.items():
            number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}")
            with self._translated(f"no events {name} from {self._uri}"):
                self._callbacks.append(self._connection.domainEventRegisterAny(None, number, callback, None))

    # --- domains -----------------------------------------------------------------------------------------------------

    def domains(self) -> tuple[str, ...]:
        """See Hypervisor."""
        with self._translated(f"{self._uri} does not list its domains"):
            return tuple(sorted(domain.name() for domain in self._connection.listAllDomains()))

    def state(self, domain: str) -> DomainState:
        """See Hypervisor."""
        libvirt = self._libvirt
        if (found := self._find(domain)) is None:
            return DomainState.ABSENT
        with self._translated(f"the state of {domain} cannot be told"):
            number = found.state()[0]
        return {
            libvirt.VIR_DOMAIN_SHUTOFF: DomainState.OFF,
            libvirt.VIR_DOMAIN_PAUSED: DomainState.PAUSED,
            libvirt.VIR_DOMAIN_CRASHED: DomainState.CRASHED if found.isActive() else DomainState.OFF,
        }.get(number, DomainState.RUNNING)

    def define(self, xml: str) -> None:
        """See Hypervisor."""
        with self._inside(), self._translated(f"{self._uri} refuses a definition"):
            self._connection.defineXML(xml)

    def undefine(self, domain: str) -> None:
        """See Hypervisor."""
        if (found := self._find(domain)) is None:
            return
        flags = self._libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | self._libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        with self._translated(f"{domain} cannot be undefined"):
            try:
                found.undefineFlags(flags)
            except self._libvirt.libvirtError as error:
                if error.get_error_code() != self._libvirt.VIR_ERR_INVALID_ARG:
                    raise
                found.undefine()  # the mock driver knows no flags

    def start(self, domain: str) -> None:
        """See Hypervisor."""
        found = self._get(domain)
        if not self.state(domain).on:
            with self._inside(), self._translated(f"{domain} cannot be switched on"):
                found.create()

    def stop(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain).on:
            with self._translated(f"{domain} cannot be switched off"):
                self._get(domain).destroy()

    def reset(self, domain: str) -> None:
        """See Hypervisor."""
        with self._translated(f"{domain} cannot be reset"):
            self._get(domain).reset()

    def suspend(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain) is not DomainState.PAUSED:
            with self._translated(f"{domain} cannot be frozen"):
                self._get(domain).suspend()

    def resume(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain) is DomainState.PAUSED:
            with self._translated(f"{domain} cannot go on"):
                self._get(domain).resume()

    # --- devices -----------------------------------------------------------------------------------------------------

    def update_device(self, domain: str, xml: str) -> None:
        """See Hypervisor."""
        with self._translated(f"a device of {domain} cannot be changed"):
            self._get(domain).updateDeviceFlags(xml, self._affected(domain))

    def attach_device(self, domain: str, xml: str, *, lasting: bool = True) -> None:
        """See Hypervisor."""
        with self._inside(), self._translated(f"{domain} does not take a device"):
            self._get(domain).attachDeviceFlags(xml, self._affected(domain, lasting=lasting))

    def detach_device(self, domain: str, xml: str, mark: str, *, lasting: bool = True) -> None:
        """See Hypervisor."""
        with self._translated(f"{domain} does not let go of {mark}"):
            self._get(domain).detachDeviceFlags(xml, self._affected(domain, lasting=lasting))

        def gone() -> bool | None:
            return None if self.has_device(domain, mark) else True

        try:
            wait_until(gone, within_s=_UNPLUG_WITHIN_S, what=f"{domain} to let go of {mark}", poll_s=0.02)
        except DeadlineExpiredError as error:
            raise LabError(str(error), hint="PCI devices need an answer of the guest: is it up?") from error

    def has_device(self, domain: str, mark: str) -> bool:
        """See Hypervisor."""
        with self._translated(f"{domain} cannot be described"):
            return mark in self._get(domain).XMLDesc()

    def _affected(self, domain: str, *, lasting: bool = True) -> int:
        libvirt = self._libvirt
        live = libvirt.VIR_DOMAIN_AFFECT_LIVE if self.state(domain).on else 0
        return int(live | (libvirt.VIR_DOMAIN_AFFECT_CONFIG if lasting else 0))

    # --- what a running machine has to put up with -------------------------------------------------------------------

    def throttle(self, domain: str, target: str, limits: Mapping[str, int]) -> None:
        """See Hypervisor."""
        with self._translated(f"disk {target} of {domain} cannot be throttled"):
            self._get(domain).setBlockIoTune(target, dict(limits), self._libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_memory(self, domain: str, kib: int) -> None:
        """See Hypervisor."""
        with self._translated(f"memory of {domain} cannot be changed"):
            self._get(domain).setMemoryFlags(kib, self._libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_quota(self, domain: str, quota_us: int) -> None:
        """See Hypervisor."""
        quota = {"vcpu_period": _VCPU_PERIOD_US, "vcpu_quota": quota_us}
        with self._translated(
            f"processors of {domain} cannot be starved", hint="needs cgroups: /sys/fs/cgroup writable"
        ):
            self._get(domain).setSchedulerParametersFlags(quota, self._libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def inject_nmi(self, domain: str) -> None:
        """See Hypervisor."""
        with self._translated(f"{domain} takes no NMI"):
            self._get(domain).injectNMI()

    def monitor(self, domain: str, command: Mapping[str, Any]) -> Any:
        """See Hypervisor."""
        with self._translated(f"the monitor of {domain} does not answer"):
            text = qemu_binding().qemuMonitorCommand(self._get(domain), json.dumps(dict(command)), 0)
        answer = json.loads(text)
        if "error" in answer:
            raise LabError(
                f"QEMU of {domain} refuses {command.get('execute')}: {answer['error'].get('desc')}",
                hint="an unknown command means a QEMU older than 7.2",
            )
        return answer.get("return")

    def tpm_folder(self, uuid: UUID) -> Path | None:
        """See Hypervisor.  `lib/swtpm` below the driver's state, /var/lib/libvirt/swtpm for a daemon's [measured]."""
        address = urlsplit(self._uri)
        if address.scheme.partition("+")[0] != "qemu" or address.hostname:
            return None
        if (root := root_of(self._uri)) is not None:
            return root / "lib" / "swtpm" / str(uuid)
        return Path("/var/lib/libvirt/swtpm", str(uuid))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _find(self, domain: str) -> Any:
        with self._translated(f"{self._uri} cannot be asked for {domain}"):
            try:
                return self._connection.lookupByName(domain)
            except self._libvirt.libvirtError as error:
                if is_missing(self._libvirt, error):
                    return None
                raise

    def _get(self, domain: str) -> Any:
        found = self._find(domain)
        if found is None:
            raise LabError(f"{self._uri} knows no domain {domain}", hint="the lab's machines were not made yet")
        return found

    def _inside(self) -> AbstractContextManager[None]:
        return inside(self._namespace)

    def _translated(self, what: str, *, hint: str = "") -> Any:
        return translated(self._libvirt, what, hint=hint)
