"""Which certificates engines take from us, and we from engines: self-signed, insecure, by another authority."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from gdpeer import OK, Cause, TLSOptions, WebSocketClient, WebSocketPeer
from tests.interop.echo_rooms import echo_room, until
from tests.support.bad_certificates import BAD, GOOD, BadServer
from tests.support.certificates import Certificates, make_certificates
from tests.support.engines import fixture
from tests.support.ports import free_port

pytestmark = pytest.mark.engine

CLIENTS = {"4": "peer_client", "3": "client"}
SERVERS = {"4": "peer_server", "3": "server"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
State = WebSocketPeer.State


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What `openssl req -x509` makes for localhost: its own authority."""
    folder = tmp_path_factory.mktemp("self-signed")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(30))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    made = Certificates(folder / "cert.pem", folder / "key.pem", folder / "cert.pem")
    made.certificate.write_bytes(pem)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that signed nothing of ours."""
    return make_certificates(tmp_path_factory.mktemp("stranger")).authority


@BOTH
@pytest.mark.parametrize("trust", ["insecure", "ca"])
def test_an_engine_takes_our_self_signed_certificate(version: str, trust: str, self_signed: Certificates) -> None:
    option: Any = True if trust == "insecure" else self_signed.authority
    with (
        echo_room(certificates=self_signed) as room,
        fixture(version, CLIENTS[version], url=room.url, **{trust: option}) as run,
    ):
        until(lambda: run.find("quit") and room.ended, room)
        assert run.wait() == 0, run.events
        assert room.ended == [(True, 1000, Cause.CLOSED)]


@BOTH
def test_an_engine_refuses_a_certificate_of_a_strange_authority(
    version: str, certificates: Certificates, stranger: Path
) -> None:
    with (
        echo_room(certificates=certificates) as room,
        fixture(version, CLIENTS[version], url=room.url, ca=stranger) as run,
    ):
        until(lambda: run.find("quit"), room)
        assert run.wait() == 1
        assert room.opened == []
        closed = run.find("closed") if version == "4" else run.find("connection_error")
        assert closed is not None
        assert version == "3" or closed["code"] == -1


@BOTH
@pytest.mark.parametrize("trust", ["insecure", "ca"])
def test_we_take_an_engines_self_signed_certificate(version: str, trust: str, self_signed: Certificates) -> None:
    safe = TLSOptions.client(self_signed.authority)
    options = TLSOptions.client_unsafe() if trust == "insecure" else safe
    tls = {"cert": self_signed.certificate, "key": self_signed.key}
    with fixture(version, SERVERS[version], port=free_port(), **tls) as run, WebSocketPeer() as peer:
        assert peer.connect_to_url(f"wss://localhost:{run.wait_for('listening')['port']}", options) is OK
        until(lambda: peer.get_ready_state() is not State.CONNECTING, peer)
        assert peer.get_ready_state() is State.OPEN, peer.get_close_cause()
        peer.close()
        until(lambda: peer.get_ready_state() is State.CLOSED, peer)
        assert peer.get_close_code() == 1000


@BOTH
@pytest.mark.parametrize("trusted", [False, True], ids=["machine", "stranger"])
def test_we_refuse_an_engines_certificate_that_nobody_vouches_for(
    version: str, trusted: bool, self_signed: Certificates, stranger: Path
) -> None:
    tls = {"cert": self_signed.certificate, "key": self_signed.key}
    with fixture(version, SERVERS[version], port=free_port(), **tls) as run:
        client, told = WebSocketClient(), []
        client.trusted_ssl_certificate = stranger if trusted else None
        client.connection_error.connect(lambda: told.append("error"))
        client.connection_established.connect(told.append)
        assert client.connect_to_url(f"wss://localhost:{run.wait_for('listening')['port']}") is OK
        until(lambda: told, client)
        assert told == ["error"]
        assert client.get_close_cause().cause is Cause.TLS
        assert "certificate" in client.get_close_cause().detail


@BOTH
def test_the_signalling_client_can_go_without_a_check(version: str, self_signed: Certificates) -> None:
    tls = {"cert": self_signed.certificate, "key": self_signed.key}
    with fixture(version, SERVERS[version], port=free_port(), **tls) as run:
        client, told = WebSocketClient(), []
        client.verify_ssl = False
        client.connection_established.connect(lambda protocol: client.disconnect_from_host(1000, "seen"))
        client.connection_closed.connect(told.append)
        assert client.connect_to_url(f"wss://localhost:{run.wait_for('listening')['port']}") is OK
        until(lambda: told, client)
        assert told == [True]


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_t1_an_engine_refuses_every_server_that_we_refuse(version: str, name: str, tmp_path: Path) -> None:
    with (
        BadServer(BAD[name], tmp_path) as server,
        fixture(version, CLIENTS[version], url=server.url, ca=server.authority) as run,
    ):
        run.wait_for("quit", status=1)
        assert run.find("open") is None
        assert server.opened == 0


@BOTH
def test_t1_an_engine_goes_through_with_the_same_server_when_it_is_good(version: str, tmp_path: Path) -> None:
    with (
        BadServer(GOOD["plain"], tmp_path) as server,
        fixture(version, CLIENTS[version], url=server.url, ca=server.authority) as run,
    ):
        run.wait_for("quit")
        assert server.opened == 1
