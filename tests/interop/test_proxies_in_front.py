"""HAProxy and nginx in front of two machines: each player reaches the machine that has the room."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdpeer import OK, WebSocketPeer
from gdpeer.cluster.haproxy import Admin, Follower, Wanted
from gdpeer.rooms import Hall, Room
from tests.support.front import HaproxyServer, nginx

CODES = ("K7Q2M3", "ABCDEF")
KEY = "0123456789abcdef012345"


class Arena(Room):
    """Remembers where its players come from."""

    def on_auth(self, ticket: object, request: object) -> object:
        return request.remote_address[0]  # type: ignore[attr-defined]


class Machines:
    """Two halls, each with a room, as two machines."""

    def __init__(self, **settings: object) -> None:
        self.halls = [Hall([Arena]) for _ in CODES]
        for hall, code in zip(self.halls, CODES, strict=True):
            for name, value in settings.items():
                setattr(hall.server, name, value)
            assert hall.listen(0, "127.0.0.1") is OK, hall.get_listen_error()
            hall.create("arena", code=code)

    @property
    def ports(self) -> tuple[int, int]:
        one, two = (hall.get_local_port() for hall in self.halls)
        return one, two

    def until(self, done: Callable[[], object], *peers: WebSocketPeer) -> None:
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end, "took too long"
            for one in (*self.halls, *peers):
                one.poll()
            time.sleep(0.002)

    def joins(self, url: str, protocols: list[str] | None = None) -> int:
        """Connects a player, and returns which machine got it; -1: none."""
        peer = WebSocketPeer()
        peer.supported_protocols = protocols or []
        before = [hall.taken for hall in self.halls]
        assert peer.connect_to_url(url) is OK
        self.until(lambda: peer.get_ready_state() in (WebSocketPeer.STATE_OPEN, WebSocketPeer.STATE_CLOSED), peer)
        after = [hall.taken for hall in self.halls]
        self.peers.append(peer)
        return next((number for number in range(2) if after[number] > before[number]), -1)

    peers: list[WebSocketPeer]

    def close(self) -> None:
        for hall in self.halls:
            hall.close()


@contextmanager
def machines(**settings: object) -> Iterator[Machines]:
    made = Machines(**settings)
    made.peers = []
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="gdp") as made:
        yield Path(made)


def test_haproxy_leads_players_to_their_rooms_and_tells_their_addresses(folder: Path) -> None:
    server = HaproxyServer(folder)
    with machines(trusted_proxies=["127.0.0.1"]) as two, server.running():
        one, other = (("127.0.0.1", port) for port in two.ports)
        follower = Follower(Admin(server.admin).ask, server.map)
        assert follower.apply(Wanted({one: True, other: True}, {"K7": one, "AB": other}))
        base = f"ws://127.0.0.1:{server.port}"
        assert two.joins(f"{base}/room/K7Q2M3?session={KEY}1") == 0
        assert two.joins(f"{base}/room/ABCDEF?session={KEY}2") == 1
        assert two.joins(f"{base}/room/arena/abcdef?session={KEY}3") == 1
        assert two.joins(f"{base}/room/ABCDEF?session={KEY}4", ["gdpeer"]) == 1
        # Both machines are on loopback, so that the header names an address of loopback too; the port differs.
        (place,) = two.halls[0].rooms["K7Q2M3"].places.values()
        assert place.auth == "127.0.0.1"


def test_haproxy_finds_the_room_in_the_sub_protocol(folder: Path) -> None:
    server = HaproxyServer(folder)
    with machines(trusted_proxies=["127.0.0.1"]) as two, server.running():
        one, other = (("127.0.0.1", port) for port in two.ports)
        assert Follower(Admin(server.admin).ask, server.map).apply(
            Wanted({one: True, other: True}, {"K7": one, "AB": other})
        )
        for number in (1, 0, 1, 1, 0):
            offered = ["gdpeer", f"room.{CODES[number].lower()}"]
            assert two.joins(f"ws://127.0.0.1:{server.port}/", offered) == number


def test_a_machine_that_comes_later_is_found_without_a_restart(folder: Path) -> None:
    server = HaproxyServer(folder)
    with machines(trusted_proxies=["127.0.0.1"]) as two, server.running():
        one, other = (("127.0.0.1", port) for port in two.ports)
        follower = Follower(Admin(server.admin).ask, server.map)
        url = f"ws://127.0.0.1:{server.port}/room/ABCDEF?session={KEY}"
        assert follower.apply(Wanted({one: True}, {"K7": one, "AB": one}))
        assert two.joins(url + "1") == -1
        assert follower.apply(Wanted({one: True, other: True}, {"K7": one, "AB": other}))
        assert two.joins(url + "1") == 1
        first = two.peers[-1]
        assert follower.apply(Wanted({one: True}, {"K7": one, "AB": one}))
        assert two.joins(url + "2") == -1
        two.until(lambda: True, first)
        assert first.get_ready_state() is WebSocketPeer.STATE_OPEN  # who is connected stays


def test_a_haproxy_that_was_started_again_is_told_everything(folder: Path) -> None:
    server = HaproxyServer(folder)
    with machines(trusted_proxies=["127.0.0.1"]) as two:
        one, other = (("127.0.0.1", port) for port in two.ports)
        follower = Follower(Admin(server.admin).ask, server.map)
        wish = Wanted({one: True, other: True}, {"K7": one, "AB": other})
        for number in range(2):
            with server.running():
                assert follower.apply(wish)
                assert two.joins(f"ws://127.0.0.1:{server.port}/room/ABCDEF?session={KEY}{number}") == 1
            assert not follower.apply(wish)


def test_nginx_leads_players_to_their_rooms_by_the_recipe_of_the_page(folder: Path) -> None:
    with machines() as two, nginx(folder, two.ports, {"K7": two.ports[0], "AB": two.ports[1]}) as port:
        assert two.joins(f"ws://127.0.0.1:{port}/room/K7Q2M3?session={KEY}1") == 0
        assert two.joins(f"ws://127.0.0.1:{port}/room/abcdef?session={KEY}2") == 1
        assert two.joins(f"ws://127.0.0.1:{port}/room/arena/ABCDEF?session={KEY}3") == 1
    assert KEY not in (folder / "play.log").read_text()
