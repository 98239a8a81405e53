"""`gdpeer serve`: which games it takes, and a server as a process: signals, drain, monitor and metrics."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import click
import pytest
from click.testing import Result
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gdpeer.cli.serve import make_hall, stand_behind_proxy
from gdpeer.cli.serve import run as serve_until_stopped
from gdpeer.rooms import Hall, Room
from gdpeer.rooms.tokens import SeatKeys, check_seat
from gdpeer.terminal.stopping import Stop
from tests.support.certificates import make_certificates
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command
from tests.unit.cli.test_commands import run

GAME = """
from gdpeer.rooms import Hall, Room

class Arena(Room):
    kind = "arena"
    idle_timeout = 60.0

    def on_drain(self, deadline):
        print("drain", round(deadline), flush=True)

    def on_message(self, sender, data):
        print(sender, data, flush=True)
        if data == "end":
            self.close("the game is over")

hall = Hall([Arena], lobby=True, secret=b"s" * 32)
busy = Hall([Arena], secret=b"s" * 32)
number = 7

class Slow(Room):
    async def on_auth(self, ticket, request):
        pass

async def fill(room):
    pass

slow = Hall([Slow], secret=b"s" * 32)
"""
TOKEN = "token-of-the-operator"
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with a game; modules that are imported from it are forgotten at the end."""
    (tmp_path / "serve_game.py").write_text(GAME)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("GDPEER_SECRET", raising=False)
    monkeypatch.delenv("GDPEER_MONITOR_TOKEN", raising=False)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("serve_"):
            del sys.modules[name]


def refused(result: Result, status: int) -> str:
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    return result.stderr.strip()


@pytest.mark.parametrize(
    ("game", "line"),
    [
        (
            "serve_game",
            "MODULE:NAME: expected MODULE:NAME such as game:Arena, got 'serve_game' (see gdpeer serve --help)",
        ),
        ("serve game:X", "MODULE:NAME: expected MODULE:NAME such as game:Arena, got 'serve game:X'"),
        ("serve_lost:Arena", "there is no module serve_lost in {folder}"),
        ("serve_game.lost:Arena", "there is no module serve_game.lost in {folder}"),
        ("serve_game:Areno", "the module serve_game has no Areno, did you mean Arena?"),
        ("serve_game:x", "the module serve_game has no x: it has Arena, hall, busy"),
        ("serve_game:Slow", "Slow.on_auth of serve_game:Slow is async, and gdpeer serve does not run asyncio"),
        ("serve_game:fill", "fill of serve_game:fill is async, and gdpeer serve does not run asyncio: write a program"),
        ("serve_game:slow", "Slow.on_auth of serve_game:slow is async, and gdpeer serve does not run asyncio"),
        ("serve_game:number", "serve_game:number is of the type int: gdpeer serve takes a Hall, a class of Room or"),
    ],
)
def test_a_game_that_is_not_there(folder: Path, game: str, line: str) -> None:
    said = refused(run("serve", game), 2 if "expected" in line else 1)
    assert said.startswith(f"gdpeer serve: {line.format(folder=folder)}")


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("def play():\n    1 / 0\nplay()\n", "raises ZeroDivisionError: division by zero"),
        ("import serve_missing\n", "cannot be imported: No module named 'serve_missing'"),
        ("def (:\n", "raises SyntaxError: invalid syntax (serve_bad.py, line 1)"),
    ],
)
def test_an_exception_of_the_game_module_shows_its_own_traceback(folder: Path, code: str, last: str) -> None:
    (folder / "serve_bad.py").write_text(code)
    lines = refused(run("serve", "serve_bad:Arena"), 1).splitlines()
    assert lines[-1] == f"gdpeer serve: the module serve_bad {last}"
    if "SyntaxError" not in last:
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].strip().startswith(f'File "{folder / "serve_bad.py"}", line ')
    assert not any("importlib" in line or "gdpeer/cli" in line for line in lines)


@pytest.mark.parametrize("url", ["play.example", "ftp://play.example", "wss://", "wss://play.example/?x=1", "wss://["])
def test_a_public_url_that_is_none(folder: Path, url: str) -> None:
    said = refused(run("serve", "serve_game:Arena", "--public-url", url), 2)
    assert said.startswith("gdpeer serve: --public-url: expected a URL such as wss://play.example, got ")


@pytest.mark.parametrize("network", ["play.example", "10.0.0.0/33", ""])
def test_a_proxy_that_is_no_network(folder: Path, network: str) -> None:
    said = refused(run("serve", "serve_game:Arena", "--trusted-proxy", network), 2)
    assert said.startswith("gdpeer serve: --trusted-proxy: expected an address or a network such as 10.0.0.0/8, got ")


def test_a_configuration_of_haproxy_is_printed(folder: Path) -> None:
    result = run("serve", "serve_game:Arena", "--print-haproxy")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == run("haproxy", "--print").stdout
    assert "server-template" in result.stdout


def test_proxies_that_tell_the_addresses_of_players_are_not_exempt() -> None:
    hall = Hall([])
    stand_behind_proxy(hall, "wss://play.example", ("127.0.0.1",))
    assert (hall.server.trusted_proxies, hall.public_url) == (("127.0.0.1",), "wss://play.example")
    assert "127.0.0.1" not in hall.guessing.exempt
    stand_behind_proxy(hall, "wss://play.example", ())
    assert "127.0.0.1" in hall.guessing.exempt


def test_a_short_secret_and_a_short_token_are_refused_and_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GDPEER_SECRET", "hunter2")
    said = refused(run("serve", "serve_game:Arena"), 1)
    assert said.startswith("gdpeer serve: GDPEER_SECRET: the secret has 7 bytes; it needs at least 32")
    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    (folder / "token").write_text("hunter2\n")
    said = refused(run("serve", "serve_game:Arena", "--monitor-token-file", "token"), 1)
    assert said.startswith("gdpeer serve: the monitor's token needs at least 16 ASCII characters")
    assert "hunter2" not in said


def test_a_port_in_use_and_half_of_a_certificate(folder: Path) -> None:
    from gdpeer import WebSocketServer

    other = WebSocketServer()
    other.bind_ip = "127.0.0.1"
    assert other.listen(0) == 0
    port = other.get_local_port()
    said = refused(run("serve", "serve_game:Arena", "--port", str(port)), 1)
    assert said == f"gdpeer serve: cannot listen on 127.0.0.1 port {port}: the address is in use"
    other.stop()
    said = refused(run("serve", "serve_game:Arena", "--cert", "serve_game.py"), 2)
    assert said == "gdpeer serve: --cert and --key must be used together (see gdpeer serve --help)"


class Server(Process):
    """A `gdpeer serve` on a free port of loopback."""

    def __init__(self, folder: Path, game: str, *options: str, **variables: str) -> None:
        environment = {"GDPEER_SECRET": SECRET, "GDPEER_MONITOR_TOKEN": TOKEN, **variables}
        super().__init__(gdpeer_command("serve", game, "--port", "0", *options), environment=environment, folder=folder)
        self.port = int(self.wait_for(r"^Rooms: +wss?://localhost:(\d+)/room/CODE$")[1])
        self.wait_for(r"^Monitor: ")

    def get(self, path: str, token: str = "", wishes: object = None) -> tuple[int, str]:
        data = None if wishes is None else json.dumps(wishes).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def seat(self) -> str:
        """The URL of a seat in a room with a free place."""
        status, body = self.get("/lobby/arena/quick", wishes={})
        assert status in (200, 201), body
        url: str = json.loads(body)["url"]
        return url

    def join(self, url: str) -> ClientConnection:
        return connect(url, subprotocols=["gdpeer"], proxy=None)  # type: ignore[list-item]


def test_a_server_drains_at_sigterm_and_keeps_players_who_return(folder: Path) -> None:
    with Server(folder, "serve_game:Arena") as server:
        first = server.seat()
        code = re.search(r"/room/(\w{6})\?", first)[1]  # type: ignore[index]
        with server.join(first):
            assert server.get("/health")[0] == 200
            assert json.loads(server.get("/health")[1]) == {"status": "ok", "rooms": 1, "peers": 1}
            status, metrics = server.get("/metrics")
            assert status == 200
            assert 'gdpeer_rooms{kind="arena",state="open"} 1.0' in metrics
            assert server.get(f"/contract.json?room={code}")[0] == 401
            status, contract = server.get(f"/contract.json?room={code}", TOKEN)
            assert (status, json.loads(contract)["format"]) == (200, 1)
            unused = server.seat()
            server.popen.terminate()
            server.wait_for(r"^Draining: rooms have 300 s to end")
            server.wait_for(r"^drain \d+$")
            assert json.loads(server.get("/health")[1])["status"] == "draining"
            assert server.get("/lobby/arena/quick", wishes={})[0] == 503
            with pytest.raises(InvalidStatus) as refused:
                server.join(unused.replace(code, "000000"))
            assert refused.value.response.status_code in (403, 404, 503)
            with server.join(first):  # the place is kept, so its player may return
                assert server.get(f"/monitor/api/rooms/{code}/message", TOKEN, {"text": "end"})[0] == 200
                server.wait_for("^operator end$")
                assert server.wait() == 0
    assert server.stderr == []


def test_ctrl_c_ends_at_once_with_tls_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_certificates(folder)
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", TOKEN)
    with Server(folder, "serve_game:hall", "--cert", str(made.certificate), "--key", str(made.key)) as server:
        url = f"https://localhost:{server.port}"
        result = run("rooms", "list", "--url", url, "--ca", str(made.authority))
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Rooms: 0, players: 0, found: 0")
        result = run("rooms", "list", "--url", url)
        assert result.exit_code == 1
        assert "certificate" in result.stderr
        began = time.monotonic()
        server.interrupt()
        assert server.wait() == 0
        assert time.monotonic() - began < 5
        assert not any(line.startswith("Draining") for line in server.stdout)


def test_the_deadline_ends_a_drain(folder: Path) -> None:
    options = ("--deadline", "0.3", "--public-url", "https://play.example/games/")
    with Server(folder, "serve_game:hall", *options) as server:
        seat = server.seat()
        assert seat.startswith("wss://play.example/games/room/")
        assert server.get("/metrics")[0] == 404  # everybody's requests come from the proxy
        assert server.get("/metrics", TOKEN)[0] == 200
        with server.join(seat.replace("wss://play.example/games", f"ws://localhost:{server.port}")) as player:
            server.popen.terminate()
            assert server.wait() == 0
            for _ in player:
                pass
            assert player.close_code == 1001


def test_a_hall_takes_the_secret_of_the_command_line_unless_it_has_its_own() -> None:
    class Arena(Room):
        kind = "arena"

    given, own = SeatKeys(b"g" * 32), SeatKeys(b"o" * 32)
    hall = Hall([Arena], lobby=True)
    assert hall.use_keys(None)  # drawn for this process
    assert not hall.use_keys(given)
    assert hall.lobby is not None
    token = hall.lobby.quick("arena").url.partition("?seat=")[2]
    assert check_seat(given, token, time.time()).kind == "arena"
    hall = Hall([Arena], lobby=True, secret=own)
    assert not hall.use_keys(given)
    assert hall.keys is own
    assert not Hall([Arena]).use_keys(None)  # there are no seats


def test_without_pyjwt_there_are_session_keys_and_no_lobby(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    hall = make_hall(Room, ())
    assert hall.lobby is None
    assert capsys.readouterr().err == (
        "There is no lobby, only session keys: signed seats need PyJWT: pip install gdpeer[cluster]\n"
    )


def test_ctrl_c_during_a_drain_ends_the_drain() -> None:
    stop = Stop()
    stop.requested = True  # SIGTERM

    class Arena(Room):
        kind = "arena"
        happened: ClassVar[list[str]] = []

        def on_drain(self, deadline: float) -> None:
            self.happened.append(f"drain {deadline:g}")
            stop.interrupted = True

        def on_dispose(self) -> None:
            self.happened.append("dispose")

    hall = Hall([Arena])
    hall.create("arena").reserve(ttl=3600.0)
    assert hall.listen(0, "127.0.0.1") == 0
    serve_until_stopped(hall, 3600.0, stop)
    assert Arena.happened == ["drain 3600", "dispose"]
    assert not hall.is_listening()


def test_origins_are_for_a_class_of_room() -> None:
    class Arena(Room):
        kind = "arena"

    assert make_hall(Arena, ("https://game.example",)).allowed_origins == ("https://game.example",)
    with pytest.raises(click.UsageError, match="has its own allowed_origins"):
        make_hall(Hall([Arena]), ("https://game.example",))


def test_without_a_secret_it_says_what_a_drawn_one_means(folder: Path) -> None:
    environment = {"GDPEER_MONITOR_TOKEN": ""}
    command = gdpeer_command("serve", "serve_game:Arena", "--port", str(free_port()))
    with Process(command, environment=environment, folder=folder) as server:
        server.wait_for(
            "^No secret in GDPEER_SECRET or --secret-file, so this process has drawn one: seats of the lobby end"
        )
        server.interrupt()
        assert server.wait() == 0
        assert not any(line.startswith("Monitor:") for line in server.stdout)
