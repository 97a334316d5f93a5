"""WinRM of the managed guests: an address and an administrator of its own for each, as reachable as the guest is.

A guest that is off, starts or shuts down refuses connections.  A frozen one (a paused volume, the end of a live
migration) keeps its connections and answers when it goes on.  One without network is silent; on a virtual clock, where
nothing hangs for real, that is a refused connection too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from harness.twin.cmdlets.guest import guest_commands
from harness.twin.engine import LabEngine
from harness.twin.guest import GuestMachine
from harness.twin.machine import NodeBackend, Plant
from harness.twin.model import ClusterModel
from harness.twin.model.entities import Guest
from harness.twin.model.states import Signal
from harness.twin.wire.endpoint import Availability, Endpoint, EndpointSettings
from harness.twin.wire.port import Waiter
from harness.twin.wire.server import WinRmServer

PATIENCE_S: Final = 30.0
"""Lab time after which a client's TCP gives a silent guest up: 25 to 50 s ([D] Windows, five retransmissions)."""


@dataclass(frozen=True, slots=True)
class GuestAccess:
    """Where a managed guest is, and its administrator."""

    address: str
    login: str
    password: str = field(repr=False)


class GuestService:
    """The endpoints of all managed guests of an instance."""

    def __init__(
        self, server: WinRmServer, engine: LabEngine, plant: Plant, threads: ThreadPoolExecutor, waiter: Waiter | None
    ) -> None:
        self._server = server
        self._engine = engine
        self._plant = plant
        self._threads = threads
        self._waiter = waiter
        self._endpoints: dict[str, Endpoint] = {}
        self._access: dict[str, GuestAccess] = {}
        self._backends: list[NodeBackend] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The managed guests."""
        return tuple(self._access)

    def access(self, guest: str) -> GuestAccess:
        """How to reach a managed guest.  Raises KeyError."""
        return self._access[guest]

    def serve(self, port: int, address: Callable[[int], str], account: str, password: Callable[[], str]) -> None:
        """Open all endpoints; *address* and *password* give those of each guest.  Raises OSError."""
        commands = guest_commands()
        for number, (name, windows) in enumerate(self._plant.model.windows.machines.items()):
            machine = GuestMachine(
                windows.computer_name, self._plant, self._engine, commands, guest_name=name, threads=self._threads
            )
            access = GuestAccess(address(number), f"{windows.computer_name}\\{account}", password())
            backend = NodeBackend(machine, self._threads)
            self._backends.append(backend)
            endpoint = self._server.add_endpoint(
                name,
                access.address,
                port,
                {account: access.password},
                backend,
                windows.computer_name,
                "",
                settings=EndpointSettings(windows.build.release),
            )
            endpoint.goes_on = partial(self._goes_on, name)
            self._access[name], self._endpoints[name] = access, endpoint

    def hang_up(self) -> None:
        """No program of a guest waits for input any longer."""
        for backend in self._backends:
            backend.hang_up()

    def follow(self, model: ClusterModel) -> None:
        """Endpoints do what the signals of this model's guests say, from now on."""
        for name, endpoint in self._endpoints.items():
            endpoint.forget_shells()
            self._apply(endpoint, model.guests[name])
        model.networks.guests.served = {name: access.address for name, access in self._access.items()}
        if self._endpoints:
            model.watch_signals(self._take)

    def _take(self, guest: Guest) -> None:
        endpoint = self._endpoints.get(guest.name)
        if endpoint is not None:
            self._apply(endpoint, guest)

    def _apply(self, endpoint: Endpoint, guest: Guest) -> None:
        signal = guest.reachability.signal
        if signal is Signal.Off or (signal is Signal.Isolated and not self._engine.mode.flows):
            endpoint.drop_connections(reset=True)
            if signal is Signal.Off:
                endpoint.forget_shells()
            endpoint.set_state(Availability.REFUSING)
        elif signal is Signal.Isolated:
            endpoint.set_state(Availability.BLACK_HOLE)
        else:
            endpoint.set_state(Availability.PAUSED if signal is Signal.Frozen else Availability.ANSWERING)

    # --- requests that meet a frozen guest

    async def _goes_on(self, name: str) -> bool:
        """Wait until the guest is not frozen any more, or its client's patience ends; whether it answers now."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._engine.announce()
        self._threads.submit(self._watch, name, loop, changed)
        if self._waiter is None:
            await changed.wait()
        else:
            await self._waiter.wait(changed, PATIENCE_S)
        return self._signal(name) is Signal.Answering

    def _watch(self, name: str, loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
        with self._engine.computing():
            self._engine.wait(PATIENCE_S, lambda: self._signal(name) is not Signal.Frozen)
            # Before this counts as ended: lab time must not move between the change and the answer.
            loop.call_soon_threadsafe(changed.set)

    def _signal(self, name: str) -> Signal:
        return self._plant.model.guests[name].reachability.signal
