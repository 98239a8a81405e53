"""T1: servers whose certificate or TLS is bad are refused, each with a cause of its own; good ones are not.

That engines refuse them as well, and that engines' clients and servers stand on both sides of wss, is in
tests/interop/test_engine_certificates.py.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from pathlib import Path

import pytest

from gdpeer import OK, Cause, CloseCause, TLSOptions, WebSocketPeer, WebSocketServer
from gdpeer.errors import Error
from gdpeer.transport.tls import server_context
from tests.support.bad_certificates import BAD, GOOD, Bad, BadServer, by_stranger, issue
from tests.support.certificates import Certificates, make_certificates
from tests.support.figures import record
from tests.support.missing import ROOT
from tests.support.waiting import until

State = WebSocketPeer.State


def attempt(server: BadServer, options: TLSOptions) -> CloseCause:
    """Why our client did not get through the handshake; where it did, that the server then left it."""
    with WebSocketPeer() as peer:
        assert peer.connect_to_url(server.url, options) is OK

        def over() -> bool:
            peer.poll(0.005)
            return server.opened > 0 or peer.get_ready_state() is State.CLOSED

        until(over)
        return peer.get_close_cause()


@pytest.mark.parametrize("name", BAD)
def test_t1_a_bad_server_is_refused_with_its_own_cause(name: str, tmp_path: Path) -> None:
    with BadServer(BAD[name], tmp_path) as server:
        cause = attempt(server, TLSOptions.client(server.authority))
        assert server.opened == 0
    assert cause.cause is Cause.TLS
    assert cause.detail == f"TLS handshake with {server.what.host} failed: {server.what.detail}"


@pytest.mark.parametrize("name", GOOD)
def test_t1_a_good_server_is_accepted(name: str, tmp_path: Path) -> None:
    with BadServer(GOOD[name], tmp_path) as server:
        assert attempt(server, TLSOptions.client(server.authority)).cause is not Cause.TLS
        assert server.opened == 1


def test_t1_no_two_kinds_of_bad_servers_look_alike() -> None:
    """Only the two old versions of TLS may: what is wrong with both is their age."""
    details = [bad.detail for name, bad in BAD.items() if name != "TLS 1.0"]
    assert len(set(details)) == len(details)
    record("T1", bad=len(BAD), causes=len(set(details)), good=len(GOOD))


def test_t1_the_documentation_has_the_same_words() -> None:
    rows = [f"| {name} | {bad.detail} |" for name, bad in BAD.items()]
    assert "\n".join(rows) in (ROOT / "docs/howto/tls.md").read_text(encoding="utf-8")


def test_t1_an_unknown_root_that_is_not_sent_looks_as_a_gap_does(tmp_path: Path) -> None:
    """Nobody can tell the two apart from the certificates, so the words name both."""
    with BadServer(Bad(lambda root: by_stranger(root, sent=False), ""), tmp_path) as server:
        cause = attempt(server, TLSOptions.client(server.authority))
    assert cause.detail.endswith(BAD["missing intermediate"].detail)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
def test_t1_our_server_speaks_no_old_tls(newest: ssl.TLSVersion, certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = newest
    said, _ = shake_with_our_server(context, certificates)
    assert "PROTOCOL_VERSION" in said


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_t1_our_server_speaks_new_tls(newest: ssl.TLSVersion, certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.maximum_version = newest
    assert shake_with_our_server(context, certificates) == ("", newest.name.replace("v1_", "v1."))


def test_t1_our_server_does_not_begin_tls_anew(certificates: Certificates) -> None:
    """A client of TLS 1.2 that asks for handshake after handshake costs more than it pays."""
    context = server_context(certificates.key, certificates.certificate)
    assert context.options & ssl.OP_NO_RENEGOTIATION


def shake_with_our_server(context: ssl.SSLContext, certificates: Certificates) -> tuple[str, str]:
    """What the standard library's client says of our server, and the version that they agreed on."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.private_key, server.ssl_certificate = certificates.key, certificates.certificate
    assert server.listen(0) is OK, server.get_listen_error()
    address = "127.0.0.1", server.get_local_port()
    options = {"server_hostname": "localhost", "do_handshake_on_connect": False}
    with server, context.wrap_socket(socket.create_connection(address, timeout=10.0), **options) as secured:
        secured.setblocking(False)
        said: list[str] = []
        until(lambda: server.poll(0.005) or is_shaken(secured, said))
        return "".join(said), secured.version() or ""


def is_shaken(secured: ssl.SSLSocket, said: list[str]) -> bool:
    """Whether the handshake is over; where it failed, `said` has the reason."""
    try:
        secured.do_handshake()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    except ssl.SSLError as error:
        said.append(error.reason)
    return True


def test_t1_our_server_does_not_start_with_a_weak_key(tmp_path: Path) -> None:
    weak = issue("localhost", bits=1024)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(weak.pem)
    key.write_bytes(weak.key_pem)
    server = WebSocketServer()
    server.private_key, server.ssl_certificate = key, certificate
    assert server.listen(0) is Error.ERR_INVALID_PARAMETER
    assert server.get_listen_error().endswith("cannot use key and certificate: the certificate's key is too weak")
