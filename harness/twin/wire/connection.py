"""One TCP connection to a node's endpoint: requests in, authentication, sealing, replies out."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from harness.twin.wire import http, sealing, soap
from harness.twin.wire.authentication import Handshake, Logon, open_handshake
from harness.twin.wire.faults import WsManFaultError
from harness.twin.wire.ntlm import MalformedTokenError, RejectedError
from harness.twin.wire.winrs import Caller

if TYPE_CHECKING:
    from harness.twin.wire.endpoint import Endpoint

_MAX_WAITING_BYTES: Final = http.MAX_HEAD_BYTES + http.MAX_BODY_BYTES
"""More than one request's worth of bytes behind an unanswered request: no WinRM client does that; cut it off."""

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class _Exchange:
    """A SOAP request being carried out, and how its reply has to look."""

    request: http.Request
    logon: Logon
    headers: Headers
    sealed: bool
    machine: str
    message_id: str = ""


class Connection(asyncio.Protocol):
    """Serves one connection; its log-on and sealing state live and die with it.

    Requests are answered one after the other. What the endpoint's availability state says is asked for each request
    when it arrives, and for black holes again when the reply would leave.
    """

    def __init__(
        self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop, *, over_tls: bool = False, mute: bool = False
    ) -> None:
        self._endpoint = endpoint
        self._loop = loop
        self._over_tls = over_tls
        self._reader = http.RequestReader()
        self._transport: asyncio.Transport | None = None
        self._client_ip = ""
        self._handshake: tuple[str, Handshake] | None = None
        self._logon: Logon | None = None
        self._busy = False
        self._mute = mute
        self._waiting_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._last_used_s = loop.time()

    # -- life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the endpoint and start the idle timer."""
        self._transport = cast(asyncio.Transport, transport)
        self._client_ip = str((transport.get_extra_info("peername") or ("",))[0])
        self._endpoint.connections.add(self)
        self._arm_idle_timer(self._endpoint.quotas.connection_idle_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; a pending Receive is cancelled before it takes any output."""
        self._transport = None
        self._endpoint.connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> bool:
        """Close with the client."""
        return False

    def close(self, reset: bool) -> None:
        """Close at once: with RST, or with FIN and without answering what is pending."""
        if self._transport is None:
            return
        if self._task is not None:
            self._task.cancel()
        if reset:
            self._endpoint.set_reset_on_close(self._transport)
            self._transport.abort()
        else:
            self._mute = True
            self._transport.close()

    def _arm_idle_timer(self, delay_s: float) -> None:
        self._timers["idle"] = self._loop.call_later(delay_s, self._check_idle)

    def _check_idle(self) -> None:
        """HTTP.sys drops connections idle for about 120 s ([C] MaxPacketRetrievalTimeSeconds, [W] measured as 125 s);
        a pending request is not idle."""
        limit_s = self._endpoint.quotas.connection_idle_timeout_s
        idle_s = 0.0 if self._busy else self._loop.time() - self._last_used_s
        if idle_s >= limit_s:
            self.close(reset=False)
        else:
            self._arm_idle_timer(limit_s - idle_s)

    # -- requests in

    def data_received(self, data: bytes) -> None:
        """Cut requests out of the stream and answer them in order."""
        if self._mute:
            return
        self._last_used_s = self._loop.time()
        self._reader.feed(data)
        if self._busy:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                self.close(reset=True)
            return
        self._pump()

    def _pump(self) -> None:
        while not self._busy and not self._mute and self._transport is not None:
            try:
                request = self._reader.next_request()
            except http.BadRequestError as error:
                self._write(http.pack_reply(error.status, close=True), close=True)
                return
            if request is None:
                if self._reader.take_expectation():
                    self._write(http.CONTINUE, close=False)
                return
            self._take(request)

    def _take(self, request: http.Request) -> None:
        endpoint = self._endpoint
        endpoint.stats.requests += 1
        delay_s = endpoint.delay_s
        if endpoint.is_black_hole:
            self._mute = True
        elif endpoint.is_paused:
            self._busy = True
            self._task = self._loop.create_task(self._answer_when_it_goes_on(request))
        elif delay_s:
            self._busy = True
            self._timers["slow"] = self._loop.call_later(delay_s, self._resume, request)
        else:
            self._answer(request)

    async def _answer_when_it_goes_on(self, request: http.Request) -> None:
        goes_on = self._endpoint.goes_on
        if goes_on is not None and await goes_on():
            self._resume(request)
        else:
            self.close(reset=True)

    def _resume(self, request: http.Request) -> None:
        self._busy = False
        self._waiting_bytes = 0
        self._answer(request)
        self._pump()

    def _answer(self, request: http.Request) -> None:
        endpoint = self._endpoint
        if endpoint.is_unavailable:
            self._reply(request, 503, close=True)
        elif request.method != "POST":
            self._reply(request, 405)
        elif request.path.split("?", 1)[0].rstrip("/").lower() != "/wsman":
            self._reply(request, 404)
        elif request.headers.get("wsmanidentify", "").lower() == "unauthenticated" and not endpoint.rejects_everyone:
            self._identify_anonymously(request)
        else:
            self._answer_authenticated(request)

    def _identify_anonymously(self, request: http.Request) -> None:
        try:
            is_identify = soap.parse_envelope(request.body).is_identify
        except (soap.MalformedEnvelopeError, WsManFaultError):
            is_identify = False
        if is_identify:
            self._reply(request, 200, soap.build_identify("0.0.0"), sealing.SOAP_TYPE)
        else:
            self._challenge(request)

    # -- authentication

    def _answer_authenticated(self, request: http.Request) -> None:
        endpoint = self._endpoint
        headers: Headers = []
        logon = self._logon
        authorization = request.headers.get("authorization")
        if authorization is not None:
            logon = self._authenticate(request, authorization, headers)
            if logon is None:
                return
        elif logon is None or endpoint.rejects_everyone:
            self._challenge(request)
            return
        if not request.body:
            self._reply(request, 200, headers=headers)
        elif sealing.is_sealed(request.headers.get("content-type", "")) and logon.security is not None:
            try:
                message = sealing.open_envelope(logon.security, request.body)
            except sealing.UnreadableMessageError:
                self._reply(request, 400, headers=headers)
                return
            self._serve(request, message, logon, headers, sealed=True)
        elif self._over_tls or endpoint.settings.allow_unencrypted:
            self._serve(request, request.body, logon, headers, sealed=False)
        else:
            # AllowUnencrypted=false: an unsealed request over HTTP looks like a wrong password ([W] packer 6205).
            self._challenge(request)

    def _authenticate(self, request: http.Request, authorization: str, headers: Headers) -> Logon | None:
        """Take one step of a handshake; None when the reply has been sent."""
        endpoint = self._endpoint
        name, _, text = authorization.partition(" ")
        scheme = name.lower()
        if self._handshake is None or self._handshake[0] != scheme:
            handshake = open_handshake(scheme, endpoint.gate)
            if handshake is None:
                self._reply(request, 401, headers=self._list_schemes(), close=True)
                return None
            self._handshake = (scheme, handshake)
        handshake = self._handshake[1]
        self._logon = None
        try:
            step = handshake.step(base64.b64decode(text, validate=True))
            logon = step.logon
            if logon is not None:
                endpoint.admit(logon.account)
        except RejectedError as error:
            self._handshake = None
            endpoint.note_rejection(error)
            self._challenge(request)
            return None
        except (MalformedTokenError, binascii.Error):
            self._handshake = None
            self._challenge(request)
            return None
        token = base64.b64encode(step.token).decode("ascii")
        if step.rejection is not None:
            self._handshake = None
            endpoint.note_rejection(step.rejection)
        if logon is None:
            self._reply(request, 401, headers=[("WWW-Authenticate", f"{name} {token}")])
            return None
        if token:
            headers.append(("WWW-Authenticate", f"{name} {token}"))
        if handshake.binds_connection:
            self._logon = logon
        self._handshake = None
        endpoint.stats.logons += 1
        return logon

    def _challenge(self, request: http.Request) -> None:
        self._reply(request, 401, headers=self._list_schemes())

    def _list_schemes(self) -> Headers:
        return [("WWW-Authenticate", scheme) for scheme in self._endpoint.gate.schemes]

    # -- SOAP

    def _serve(self, request: http.Request, message: bytes, logon: Logon, headers: Headers, sealed: bool) -> None:
        endpoint = self._endpoint
        host = request.headers.get("host", "")
        exchange = _Exchange(request, logon, headers, sealed, _cut_port(host))
        try:
            envelope = endpoint.open_request(message, logon.account)
            exchange.message_id = envelope.message_id
            if envelope.is_identify:
                reply: bytes | Awaitable[bytes] = soap.build_identify(endpoint.settings.os_version)
            else:
                url = f"{'https' if self._over_tls else 'http'}://{host}/wsman"
                caller = Caller(logon.account.name, self._client_ip, url, exchange.machine, logon.delegated)
                reply = endpoint.service.handle(envelope, caller)
        except WsManFaultError as fault:
            self._reply_fault(exchange, fault)
            return
        if isinstance(reply, bytes):
            self._reply_soap(exchange, 200, reply)
            return
        self._busy = True
        self._task = self._loop.create_task(self._finish(exchange, reply))
        self._task.add_done_callback(self._check_task)

    async def _finish(self, exchange: _Exchange, pending: Awaitable[bytes]) -> None:
        try:
            self._reply_soap(exchange, 200, await pending)
        except WsManFaultError as fault:
            self._reply_fault(exchange, fault)
        self._busy = False
        self._waiting_bytes = 0
        self._task = None
        self._pump()

    def _check_task(self, task: asyncio.Task[None]) -> None:
        """A defect behind the endpoint must not look like a silent node: report it and cut the connection."""
        if task.cancelled() or task.exception() is None:
            return
        self._loop.call_exception_handler(
            {"message": f"WinRM request to {self._endpoint.name} failed", "exception": task.exception(), "task": task}
        )
        self.close(reset=True)

    def _reply_fault(self, exchange: _Exchange, fault: WsManFaultError) -> None:
        message = self._endpoint.build_fault(fault, exchange.message_id, exchange.machine)
        self._reply_soap(exchange, 500, message)

    def _reply_soap(self, exchange: _Exchange, status: int, message: bytes) -> None:
        if self._endpoint.is_black_hole:
            self._mute = True
            return
        content_type, body = sealing.SOAP_TYPE, message
        security = exchange.logon.security
        if exchange.sealed and security is not None:
            content_type, body = sealing.pack_envelope(security, message)
        self._reply(exchange.request, status, body, content_type, exchange.headers)

    # -- replies out

    def _reply(
        self,
        request: http.Request,
        status: int,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Headers | None = None,
        close: bool = False,
    ) -> None:
        close = close or not request.keep_alive
        self._write(http.pack_reply(status, body, content_type, headers or (), close), close)

    def _write(self, data: bytes, close: bool) -> None:
        if self._transport is None or self._mute:
            return
        if self._endpoint.is_black_hole:
            self._mute = True
            return
        self._last_used_s = self._loop.time()
        self._transport.write(data)
        if close:
            self._mute = True
            self._transport.close()


def _cut_port(host: str) -> str:
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
