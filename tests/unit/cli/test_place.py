"""Where `gdpeer chat`, `gdpeer roll` and `gdpeer arena` listen, whom they let in, and what `--lan` shows."""

from __future__ import annotations

import http.client
import re
import socket
import sys

import pytest

from gdpeer.demos.origins import local_addresses
from tests.support.missing import ROOT
from tests.support.processes import Process, gdpeer_command

COMMANDS = {
    "chat": gdpeer_command("chat", "--port", "0"),
    "roll": gdpeer_command("roll", "--port", "0", "--dedicated"),
    "arena": gdpeer_command("arena", "--port", "0"),
}
PROGRAM = [sys.executable, str(ROOT / "demos" / "chat" / "server.py"), "--port", "0"]
PROTOCOLS = {"chat": "demo-chat", "roll": "ludus", "arena": "gdpeer-arena", "program": "demo-chat"}
ADDRESS = r"^(?:In a browser:|Open) +http://localhost:(\d+)/$"


def started(name: str, *options: str) -> tuple[Process, int]:
    process = Process([*COMMANDS.get(name, PROGRAM), *options])
    return process, int(process.wait_for(ADDRESS)[1])


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def upgrade(port: int, origin: str | None, name: str) -> int:
    """The status that a page of an origin gets for its WebSocket; without an origin a program's."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": PROTOCOLS[name],
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/", headers=headers | ({"Origin": origin} if origin else {}))
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["chat", "roll", "arena", "program"])
def test_it_listens_on_loopback_unless_asked(name: str) -> None:
    process, port = started(name)
    with process:
        assert is_open("127.0.0.1", port)
        others = [*local_addresses(), *(["127.0.0.2"] if sys.platform == "linux" else [])]
        assert not [address for address in others if is_open(address, port)]
        if name != "program":
            process.wait_for("^Only this machine can connect. Use --lan ")


@pytest.mark.parametrize("name", ["chat", "roll"])
def test_lan_opens_it_and_prints_each_address_and_a_code(name: str) -> None:
    process, port = started(name, "--lan")
    with process:
        printed = [process.wait_for(r"^On this network: +(\S+)$")[1] for _ in local_addresses()]
        assert all(is_open(address, port) for address in (*local_addresses(), "127.0.0.1"))
        assert len(printed) == len(local_addresses())
        assert all(re.fullmatch(rf"http://\S+:{port}/", address) for address in printed)
        if printed:
            process.wait_for("^\u2588\u2588\u2588\u2588 \u2584\u2584\u2584\u2584\u2584 ")


@pytest.mark.parametrize("name", ["chat", "roll", "arena", "program"])
def test_only_the_own_page_and_programs_may_connect(name: str) -> None:
    process, port = started(name)
    with process:
        own = [f"http://localhost:{port}", f"http://127.0.0.1:{port}", f"http://[::1]:{port}"]
        others = ["https://game.example", "http://localhost", f"https://localhost:{port}", "null"]
        others += [f"http://localhost:{port}.game.example", f"http://evil.localhost:{port}"]
        assert [upgrade(port, origin, name) for origin in (*own, None)] == [101] * 4
        assert [upgrade(port, origin, name) for origin in others] == [403] * 6


@pytest.mark.parametrize("name", ["chat", "roll", "arena", "program"])
def test_pages_that_are_named_may_connect_too(name: str) -> None:
    process, port = started(name, "--origin", "https://game.example", "--origin", "http://other.example:8000")
    with process:
        allowed = ["https://game.example", "http://other.example:8000", f"http://localhost:{port}"]
        assert [upgrade(port, origin, name) for origin in allowed] == [101] * 3
        assert upgrade(port, "http://game.example", name) == 403
