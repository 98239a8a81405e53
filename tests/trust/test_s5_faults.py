"""S5: whichever read, write, accept or step of TLS fails in a session: both sides end as promised, nothing is left."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gdpeer import WebSocketClient
from gdpeer.transport.memory import memory_pair
from gdpeer.transport.os_errors import broken
from gdpeer.transport.tcp import TcpStream
from gdpeer.transport.tls import TlsConnector, client_context, server_context
from tests.support.certificates import make_certificates
from tests.support.figures import record
from tests.trust.faults import Fault, FaultyAccept, FaultyStream, FaultyTls
from tests.trust.sessions import TICK, Session, nothing_left
from tests.unit.websocket.support import OPEN, listening, state, until, url_of

pytestmark = pytest.mark.timeout(180)

ERRORS = ("ECONNRESET", "EPIPE", "ENOBUFS", "ETIMEDOUT")
LOST = ("ECONNABORTED", "ECONNRESET", "ENETDOWN", "EPROTO", "ETIMEDOUT")
SHORT = ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")
JOINERS = 3


def failure(name: str) -> OSError:
    number = getattr(errno, name)
    return OSError(number, os.strerror(number))


def every_step(make: Callable[[], Exception], begin: Callable[[Fault], Session]) -> int:
    """A session for each step at which it can fail, until one is complete without; how many steps there were."""
    at = 0
    with nothing_left() as held:
        while True:
            at += 1
            fault = Fault(at, make)
            session = begin(fault)
            session.play(lambda fault=fault: TICK if fault.was_reached else 0.0)  # type: ignore[misc]
            session.check()
            complete = session.is_complete()
            held += session.end()
            del session
            if not fault.was_reached:
                assert complete
                return at - 1


@pytest.mark.parametrize("wait", [0.0, 1e-6], ids=["stepped", "watched"])
@pytest.mark.parametrize("name", ERRORS)
def test_s5_every_read_and_write(name: str, wait: float) -> None:
    def begin(fault: Fault) -> Session:
        session = Session(wait)
        ends = memory_pair(clock=session.clock, max_chunk=16_384)
        session.through(*(FaultyStream(end, fault) for end in ends))
        return session

    steps = every_step(lambda: broken(failure(name)), begin)
    assert steps > 20
    record("S5", **{f"memory_{name}_{'watched' if wait else 'stepped'}_steps": steps})


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    made = make_certificates(Path(tmp_path_factory.mktemp("tls")))
    client = client_context(trusted=str(made.authority))
    server = server_context(str(made.key), str(made.certificate))
    client.sslsocket_class = server.sslsocket_class = FaultyTls
    return client, server


TLS_ERRORS: dict[str, Callable[[], Exception]] = {
    **{name: partial(failure, name) for name in ERRORS},
    "a bad record": lambda: ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] bad record mac"),
    "an end within": lambda: ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
}


@pytest.mark.parametrize("name", TLS_ERRORS)
def test_s5_every_step_of_tls(name: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    def begin(fault: Fault) -> Session:
        FaultyTls.fault = fault
        session = Session()
        theirs, ours = (TcpStream(end) for end in socket.socketpair())
        client = TlsConnector(theirs, contexts[0], server_hostname="localhost", clock=session.clock)
        session.through(client, TlsConnector(ours, contexts[1], server_side=True, clock=session.clock))
        return session

    steps = every_step(TLS_ERRORS[name], begin)
    assert steps > 20
    record("S5", **{f"tls_{name.replace(' ', '_')}_steps": steps})


def join_one_after_another(fault: Fault) -> None:
    with listening() as (server, _):
        listener = server._listeners.listeners[0]
        listener._socket = FaultyAccept(listener._socket, fault)  # type: ignore[assignment]
        for _ in range(JOINERS):
            with WebSocketClient() as client:
                client.connect_to_url(url_of(server))
                until(state(client.get_peer(1), OPEN), server, client)  # type: ignore[arg-type]
                client.disconnect_from_host()
                until(lambda client=client: not (server.peers or client.get_connection_status()), server, client)  # type: ignore[misc]


@pytest.mark.parametrize("name", [*LOST, *SHORT])
def test_s5_every_accept(name: str) -> None:
    """What waits is accepted all the same, in a later turn."""
    at = 0
    with nothing_left():
        while True:
            at += 1
            fault = Fault(at, partial(failure, name))
            join_one_after_another(fault)
            if not fault.was_reached:
                break
    assert at > JOINERS
    record("S5", **{f"accept_{name}_steps": at - 1})
