"""`gdpeer echo` as a process, with an independent client, and how `--fanout` reads a path."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gdpeer.cli.echo import path_of
from tests.support.certificates import Certificates, make_certificates
from tests.support.commands import run_here
from tests.support.processes import Process, gdpeer_command

LISTENING = r"^gdpeer echo: listening on (wss?://127\.0\.0\.1:(\d+)/.*)$"


class Echo(Process):
    """A `gdpeer echo` that listens on a free port; `url` is what it printed."""

    def __init__(self, *options: str) -> None:
        super().__init__(gdpeer_command("echo", "--port", "0", *options))
        match = self.wait_for(LISTENING)
        self.url, self.port = match[1], int(match[2])

    def at(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


def open_client(url: str, **options: object) -> ClientConnection:
    settings: dict[str, object] = {"compression": None, "max_size": None, "proxy": None, **options}
    return connect(url, **settings)  # type: ignore[arg-type]


def refusal(url: str, **options: object) -> int:
    """The HTTP status with which the upgrade is refused."""
    with pytest.raises(InvalidStatus) as refused, open_client(url, **options):
        pass
    return refused.value.response.status_code


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as process:
        yield process


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    "message",
    ["", "hello", "grüße, 漢字 🎮", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536, b"", b"\x00\xff", bytes(65_536)],
    ids=lambda message: f"{type(message).__name__}-{len(message)}",
)
def test_text_comes_back_as_text_and_binary_as_binary(echo: Echo, message: str | bytes) -> None:
    with open_client(echo.url) as client:
        client.send(message)
        assert client.recv(timeout=10) == message


def test_every_path_is_answered_without_the_option(echo: Echo) -> None:
    with open_client(echo.at("/any/where?at=all")) as client:
        client.send("here")
        assert client.recv(timeout=10) == "here"


def test_a_message_of_sixteen_megabytes(echo: Echo) -> None:
    message = bytes(range(256)) * 65_536
    with open_client(echo.url) as client:
        client.send(message)
        assert client.recv(timeout=30) == message


def test_a_close_is_answered(echo: Echo) -> None:
    with open_client(echo.url) as client:
        client.close(4002, "enough")
        assert client.close_code == 4002


def test_compression_is_not_used_unless_asked_for(echo: Echo) -> None:
    with connect(echo.url, proxy=None) as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


def test_a_peer_that_does_not_read_is_not_read_from_and_loses_nothing() -> None:
    """Far more than both limits hold is under way before the client reads its first reply."""
    packet, count = bytes(1_000_000), 60
    frame = b"\x82\xff" + len(packet).to_bytes(8, "big") + bytes(4) + packet
    reply = b"\x82\x7f" + len(packet).to_bytes(8, "big") + packet
    with Echo("--max-size", "1M") as echo, upgraded(echo.port) as stream:
        sender = threading.Thread(target=lambda: [stream.sendall(frame) for _ in range(count)])
        sender.start()
        sender.join(2.0)
        assert sender.is_alive(), "it took everything without sending anything back"
        assert [receive(stream, len(reply)) == reply for _ in range(count)] == [True] * count
        sender.join(10)


@contextmanager
def upgraded(port: int) -> Iterator[socket.socket]:
    """A connection after the upgrade, without any client's code."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        stream.sendall(
            b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in stream.recv(4096)
        yield stream


def receive(stream: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = stream.recv(min(1 << 20, size - len(data)))
        assert chunk, "the connection ended"
        data += chunk
    return bytes(data)


def test_compressed_when_both_want_it() -> None:
    with Echo("--compress") as echo, connect(echo.url, proxy=None) as client:
        assert client.response is not None
        assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
        client.send("again and again " * 1000)
        assert client.recv(timeout=10) == "again and again " * 1000


def test_over_tls(certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    options = "--cert", str(certificates.certificate), "--key", str(certificates.key)
    with Echo(*options) as echo:
        assert echo.url.startswith("wss://")
        with open_client(echo.url, ssl=context) as client:
            for message in ("secret", bytes(200_000)):
                client.send(message)
                assert client.recv(timeout=10) == message


def test_one_path_only_and_404_elsewhere() -> None:
    with Echo("--path", "/game") as echo:
        assert echo.url.endswith("/game")
        with open_client(echo.at("/game")) as client:
            client.send("in")
            assert client.recv(timeout=10) == "in"
        for path in ("/", "/gam", "/game/", "/fanout"):
            assert refusal(echo.at(path)) == 404


def test_a_plain_request_gets_an_answer(echo: Echo) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", echo.port, timeout=10)
    for path, status, body in (
        ("/", 426, b"this is a WebSocket server"),
        ("/health", 200, b'{"status": "ok", "peers": 0}'),
    ):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read().strip()) == (status, body)
        assert answer.getheader("Upgrade") == ("websocket" if status == 426 else None)
        connection.close()


def test_sub_protocols() -> None:
    with Echo("--protocol", "demo-chat", "--protocol", "other") as echo:
        with open_client(echo.url, subprotocols=["unknown", "other"]) as client:
            assert client.subprotocol == "other"
        assert refusal(echo.url, subprotocols=["unknown"]) == 400


def test_the_largest_message() -> None:
    with Echo("--max-size", "100K") as echo, open_client(echo.url) as client:
        client.send(bytes(100 * 1024))
        assert client.recv(timeout=10) == bytes(100 * 1024)
        client.send(bytes(100 * 1024 + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_fanout_reaches_everyone_there_and_nobody_else() -> None:
    with Echo("--fanout", "--no-heartbeat") as echo, ExitStack() as stack:
        members = [stack.enter_context(open_client(echo.at("/fanout"))) for _ in range(3)]
        alone = stack.enter_context(open_client(echo.url))
        for message in ("to all", b"\x01\x02"):
            members[0].send(message)
            assert [member.recv(timeout=10) for member in members] == [message] * 3
        alone.send("mine")
        assert alone.recv(timeout=10) == "mine"
        members.pop().close()
        members[0].send("fewer")
        assert [member.recv(timeout=10) for member in members] == ["fewer"] * 2


def test_two_share_a_port_where_both_say_so() -> None:
    with Echo("--reuse-port") as echo:
        port = str(echo.port)
        assert run_here("echo", "--port", port).returncode == 1
        with Process(gdpeer_command("echo", "--port", port, "--reuse-port")) as other:
            assert other.wait_for(LISTENING)[2] == port


def test_fanout_and_a_path() -> None:
    with Echo("--fanout", "--path", "/game") as echo:
        for path in ("/game", "/fanout"):
            with open_client(echo.at(path)) as client:
                client.send(path)
                assert client.recv(timeout=10) == path
        assert refusal(echo.at("/other")) == 404


@pytest.mark.parametrize("way", ["terminate", "interrupt"])
def test_asked_to_end_it_says_1001_and_exits_with_0(way: str) -> None:
    with Echo() as echo, open_client(echo.url) as client:
        client.send("before")
        assert client.recv(timeout=10) == "before"
        if way == "interrupt":
            echo.interrupt()
        else:
            echo.popen.terminate()
        with pytest.raises(ConnectionClosedOK) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "Server stopped")
        assert echo.wait() == 0
        assert (len(echo.stdout), echo.stderr) == (1, [])


def test_a_peer_that_never_answers_the_close_does_not_hold_it_up() -> None:
    with Echo() as echo, upgraded(echo.port) as stream:
        begin = time.monotonic()
        echo.popen.terminate()
        assert echo.wait() == 0
        assert time.monotonic() - begin > 1.5
        assert stream.recv(4096)[:4] == b"\x88\x10\x03\xe9"


def test_a_second_interrupt_ends_it_at_once() -> None:
    with Echo() as echo, upgraded(echo.port) as stream:
        echo.interrupt()
        assert stream.recv(4096)[:1] == b"\x88"  # it waits for the answer now
        echo.interrupt()
        assert echo.wait() == 130  # with the answer, or after the grace, it would be 0


def test_a_port_in_use_is_one_line_and_status_1(echo: Echo) -> None:
    done = run_here("echo", "--port", str(echo.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gdpeer echo: cannot listen on 127.0.0.1 port {echo.port}: the address is in use\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "not an address"])
def test_an_address_of_somebody_else_is_one_line_and_status_1(host: str) -> None:
    done = run_here("echo", "--host", host, "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"gdpeer echo: cannot listen on {host}: .+\n", done.stderr)


def test_a_bad_certificate_is_one_line_and_status_1(certificates: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate\n")
    pairs = [(rubbish, rubbish), (certificates.certificate, rubbish), (certificates.certificate, other.key)]
    for certificate, key in pairs:
        done = run_here("echo", "--port", "0", "--cert", str(certificate), "--key", str(key))
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"gdpeer echo: cannot use .+: .+\n", done.stderr)


def test_an_encrypted_key_does_not_ask_the_terminal(certificates: Certificates, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(certificates.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    done = run_here("echo", "--port", "0", "--cert", str(certificates.certificate), "--key", str(encrypted))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"gdpeer echo: cannot use key.+\n", done.stderr)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("ws://host/fanout", "/fanout"),
        ("wss://host:9001/fanout?x=/y", "/fanout"),
        ("ws://host/a/fanout", "/a/fanout"),
        ("ws://host/", "/"),
        ("ws://host", "/"),
        ("ws://[not an address/fanout", "/fanout"),
        ("", "/"),
    ],
)
def test_fanout_groups_peers_by_the_path_of_their_url(url: str, path: str) -> None:
    assert path_of(url) == path
