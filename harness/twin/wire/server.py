"""The WinRM server of a lab: one event loop in one thread for the endpoints of all its nodes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Self, TypeVar

from harness.twin.clock import read_utc_s
from harness.twin.wire import soap
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, TlsService
from harness.twin.wire.port import Backend, Waiter, WallWaiter
from harness.twin.wire.winrs import Quotas

_T = TypeVar("_T")

CALL_TIMEOUT_S: Final = 30.0
"""A call onto the loop that takes longer means that a backend blocks the loop."""


class WinRmServer:
    """Owns the loop and its thread. Use as a context manager, or call `start` and `stop`.

    `new_id` makes the GUIDs of shells, commands and messages (pass a seeded one for repeatable runs); `read_utc_s`
    gives the time announced in NTLM challenges.
    """

    def __init__(
        self,
        waiter: Waiter | None = None,
        quotas: Quotas | None = None,
        new_id: Callable[[], str] = soap.new_guid,
        read_utc_s: Callable[[], float] = read_utc_s,
    ) -> None:
        self._waiter: Waiter = waiter or WallWaiter()
        self._quotas = quotas or Quotas()
        self._new_id = new_id
        self._read_utc_s = read_utc_s
        self._endpoints: dict[str, Endpoint] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop all endpoints share. Raises RuntimeError when the server is not started."""
        if self._loop is None:
            raise RuntimeError("the WinRM server is not running: call start() first")
        return self._loop

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """The endpoints by node name."""
        return self._endpoints

    def start(self) -> None:
        """Start the loop's thread. Raises RuntimeError when it runs already."""
        if self._thread is not None:
            raise RuntimeError("the WinRM server is running already: stop() it before starting it again")
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=self._run, args=(loop,), name="twin-winrm", daemon=True)
        self._thread.start()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        finally:
            loop.close()

    def stop(self) -> None:
        """Close all endpoints and end the thread. Does nothing when the server is not running."""
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        for name in tuple(self._endpoints):
            self.remove_endpoint(name)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        self._thread = self._loop = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def call(self, function: Callable[[], _T]) -> _T:
        """Run `function` on the loop's thread and return its result, from whatever thread this is called.

        Raises TimeoutError when the loop does not get to it within `CALL_TIMEOUT_S`.
        """
        if self._thread is threading.current_thread():
            return function()
        done: Future[_T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(function())
            except Exception as error:  # noqa: BLE001 - handed to the calling thread, which raises it
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        try:
            return done.result(CALL_TIMEOUT_S)
        except TimeoutError:
            if done.done():
                raise
            done.cancel()
            raise TimeoutError(
                f"the WinRM server's loop did not answer within {CALL_TIMEOUT_S:.0f} s: a backend blocks it"
            ) from None

    def add_endpoint(
        self,
        name: str,
        address: str,
        port: int,
        accounts: Mapping[str, str],
        backend: Backend,
        computer_name: str,
        domain: str,
        *,
        waiter: Waiter | None = None,
        quotas: Quotas | None = None,
        settings: EndpointSettings | None = None,
        tls: TlsService | None = None,
    ) -> Endpoint:
        """Open the WinRM endpoint of a node and return it; port 0 takes any free port.  With `tls` it has a second
        port.

        `accounts` maps account names to passwords, in the forms of `accounts.Directory`. Raises OSError when the
        address is taken, ValueError for a name used twice or an account of a foreign domain.
        """
        if name in self._endpoints:
            raise ValueError(f"node '{name}' has a WinRM endpoint already: remove it before adding another")
        endpoint = self.call(
            lambda: Endpoint(
                self,
                name,
                (address, port),
                accounts,
                backend,
                (computer_name, domain),
                waiter or self._waiter,
                quotas or self._quotas,
                settings or EndpointSettings(),
                self._new_id,
                self._read_utc_s,
                tls,
            )
        )
        self._endpoints[name] = endpoint
        return endpoint

    def remove_endpoint(self, name: str) -> None:
        """Close a node's endpoint and forget its shells. Raises KeyError when there is none of that name."""
        endpoint = self._endpoints.pop(name)
        self.call(endpoint.close)
        endpoint.forget_shells()
