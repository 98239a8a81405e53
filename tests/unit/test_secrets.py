"""No secret of a URL, a header or a proxy is told: in logs, exceptions, causes, `repr` or on the command line."""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gdpeer import CryptoKey, WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, aio, blocking
from tests.support.ports import free_port
from tests.support.processes import gdpeer_command
from tests.unit.websocket.support import until

SECRET = "S3CRET"
URLS = [
    "ws://usr:S3CRET@127.0.0.1:1/x?token=S3CRET#S3CRET",
    "wss://S3CRET@127.0.0.1:1/?S3CRET",
    "ws://usr:S3CRET@ho st/?token=S3CRET",
    "ws://usr:S3CRET@no.such.name.invalid/?S3CRET",
    "ws://usr:S3/CRET@127.0.0.1:1/",
    "ws://usr:S3CRET@127.0.0.1:99999/",
    "ws://usr:S3CRET@127.0.0.1:port/",
    "ws://usr:S3CRET@h%00/",
    "ws://[::1:S3CRET@/",
    "usr:S3CRET@127.0.0.1:1",
    "ws:S3CRET@host",
    "ws:/usr:S3CRET@host",
    "http://usr:S3CRET@host/?S3CRET",
    "ws://usr:\nS3CRET@host/",
]
PROXIES = ["http://prx:S3CRET@127.0.0.1:1", "socks5://prx:S3CRET@127.0.0.1:1"]
BAD_PROXIES = [
    "http://prx:S3CRET@h:x",
    "ftp://prx:S3CRET@h",
    "prx:S3CRET@h o",
    "socks5://:S3CRET@",
    "http://prx:S3CRET@[::1",
]
HEADERS = ["Authorization: Basic S3CRET\n", "Authorization S3CRET", "Author ization: S3CRET", "Cookie: S3CRET\0"]


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("gdpeer")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream.getvalue
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def told_by(peer: Any, begin: Callable[[], object]) -> str:
    """Everything that a peer says about an attempt."""
    try:
        begin()
        until(lambda: peer.get_close_cause().cause.value != "none", peer)
    except (ValueError, TypeError) as problem:
        return f"{problem!r} {problem}"
    cause = peer.get_close_cause()
    return (
        f"{cause} {cause!r} {peer!r} {peer._settings!r}"
        if hasattr(peer, "_settings")
        else f"{cause} {cause!r} {peer!r}"
    )


@pytest.mark.parametrize("url", URLS)
def test_of_a_url(url: str, log: Callable[[], str]) -> None:
    peer, client, session = WebSocketPeer(), WebSocketClient(), WebSocketMultiplayerPeer()
    assert SECRET not in told_by(peer, lambda: peer.connect_to_url(url))
    assert SECRET not in told_by(client, lambda: client.connect_to_url(url))
    assert SECRET not in told_by(session, lambda: session.create_client(url))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is depends on the URL
        blocking.connect(url, open_timeout=5)
    assert SECRET not in f"{caught.value!r} {caught.value}"

    async def connect() -> None:
        async with aio.connect(url, open_timeout=5):
            pass

    with pytest.raises(Exception) as caught:  # noqa: PT011
        asyncio.run(connect())
    assert SECRET not in f"{caught.value!r} {caught.value}"
    assert SECRET not in log()


@pytest.mark.parametrize("proxy", [*PROXIES, *BAD_PROXIES])
def test_of_a_proxy(proxy: str, log: Callable[[], str]) -> None:
    peer = WebSocketPeer()

    def begin() -> None:
        peer.proxy = proxy
        peer.connect_to_url("ws://host.example:80/?S3CRET")

    assert SECRET not in told_by(peer, begin)
    assert SECRET not in log()


@pytest.mark.parametrize("header", HEADERS)
def test_of_a_header(header: str, log: Callable[[], str]) -> None:
    peer = WebSocketPeer()
    peer.handshake_headers = [header]
    peer.connect_to_url(f"ws://127.0.0.1:{free_port()}")
    cause = peer.get_close_cause()
    assert "a header must read 'Name: value'" in str(cause)
    assert SECRET not in f"{cause} {cause!r} {log()}"


def test_of_a_key() -> None:
    assert SECRET not in repr(CryptoKey("-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----\n"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["connect", f"ws://usr:{SECRET}@127.0.0.1:1/?token={SECRET}"],
        ["connect", f"ws://usr:{SECRET}@ho st/"],
        ["connect", "ws://127.0.0.1:1", "--header", f"Authorization {SECRET}"],
        ["replay", "/dev/null", f"ws://usr:{SECRET}@127.0.0.1:1/?token={SECRET}"],
        ["swarm", "/dev/null", "--url", f"http://usr:{SECRET}@127.0.0.1:1/?token={SECRET}"],
        ["inspect", "--listen", "0", "--to", f"http://usr:{SECRET}@127.0.0.1:1/?token={SECRET}"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_of_the_command_line(arguments: list[str]) -> None:
    pytest.importorskip("click")
    command = gdpeer_command(*arguments)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert SECRET not in done.stdout + done.stderr
