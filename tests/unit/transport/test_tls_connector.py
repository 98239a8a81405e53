"""TCP and TLS as one connector."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.errors import Cause, TransportError
from gdpeer.transport.poller import Poller
from gdpeer.transport.tcp import TcpConnector
from gdpeer.transport.tls import client_context, server_context
from gdpeer.transport.tls_connector import SecureConnector
from tests.support.certificates import Certificates, make_certificates
from tests.unit.transport.support import poll, poll_attached, receive, refused_port


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def port(certificates: Certificates) -> Iterator[int]:
    """A TLS server for one client: it says hello and ends."""
    context = server_context(certificates.key, certificates.certificate)

    def serve() -> None:
        accepted = server.accept()[0]
        accepted.settimeout(10.0)
        try:
            with context.wrap_socket(accepted, server_side=True) as secured:
                secured.sendall(b"hello")
                secured.recv(1)
        except ssl.SSLError:
            accepted.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def connector(port: int, trusted: Path | None, name: str = "localhost") -> SecureConnector:
    return SecureConnector(TcpConnector("127.0.0.1", port), client_context(trusted=trusted), server_hostname=name)


@pytest.mark.parametrize("attached", [False, True])
def test_tcp_and_tls_are_one_from_outside(
    port: int, certificates: Certificates, poller: Poller, attached: bool
) -> None:
    secure = connector(port, certificates.authority)
    stream = poll_attached(secure, poller) if attached else poll(secure)
    assert stream.is_secure
    assert receive(stream, 5) == b"hello"
    assert secure.advance() is None
    secure.detach()
    secure.close()
    assert not poller._watches
    stream.close()


def test_refused_certificate(port: int, poller: Poller) -> None:
    with pytest.raises(TransportError, match="unknown authority") as caught:
        poll_attached(connector(port, None), poller)
    assert caught.value.cause is Cause.TLS
    assert not poller._watches


def test_refused_connection() -> None:
    with pytest.raises(TransportError, match="connection refused") as caught:
        poll(connector(refused_port(), None))
    assert caught.value.cause is Cause.TCP
