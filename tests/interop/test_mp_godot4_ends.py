"""How a session with a real Godot 4 begins with authentication, and how it ends: refusals, kicks, no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from gdpeer import ERR_CONNECTION_ERROR, ERR_UNCONFIGURED, OK, MultiplayerPeer
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import Side, Table, hosted, hosting, joining, puppet

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

DISCONNECTED = MultiplayerPeer.CONNECTION_DISCONNECTED


# --- authentication


def test_our_server_accepts_who_knows_the_secret() -> None:
    with hosting() as here:

        def answer(peer_id: int, data: bytes) -> None:
            assert data == b"sesame"
            assert here.api.send_auth(peer_id, b"welcome") is OK
            assert here.api.complete_auth(peer_id) is OK

        here.api.auth_callback = answer
        with puppet(url=here.url, auth="sesame") as game:
            [them] = here.wait_for_peers()
            game.see("peer_connected", here, id=1)
            assert here.told == [("peer_authenticating", them), ("peer_connected", them)]
            assert game.see("auth_data")["text"] == "welcome"
            assert here.api.get_authenticating_peers() == []
            here.main.echo.rpc_id(them, "in")
            here.wait_for_call("echoed", "in")
            assert game.errors == []


def test_our_server_refuses_who_does_not() -> None:
    with hosting() as here:
        here.api.auth_callback = lambda peer_id, data: here.api.disconnect_peer(peer_id)
        with puppet(url=here.url, auth="guess") as game:
            game.see("authentication_failed", here, id=1)
            assert game.engine.find("peer_connected") is None
        assert [one[0] for one in here.told] == ["peer_authenticating"]
        assert here.api.get_authenticating_peers() == here.api.get_peers() == []


def test_our_server_waits_so_long_and_no_longer() -> None:
    with hosting(auth_timeout=0.3, auth_callback=lambda peer_id, data: None) as here:
        with puppet(url=here.url, auth="sesame", auth_timeout=0) as game:
            until(lambda: here.news("peer_authentication_failed"), here)
            game.see("authentication_failed", here, id=1)
        [(_, them)] = here.news("peer_authenticating")
        assert here.told == [("peer_authenticating", them), ("peer_authentication_failed", them)]


def test_an_engine_that_wants_a_secret_gives_up_on_a_server_that_asks_for_none() -> None:
    with hosting() as here, puppet(url=here.url, auth="sesame", auth_timeout=0.3) as game:
        game.see("authentication_failed", here, id=1)
        until(lambda: here.news("peer_disconnected"), here)
        # Its AUTH reached us when it was admitted already.
        assert here.api.refused == {"not allowed": 1}


@contextmanager
def asking(url: str, secret: bytes) -> Iterator[Side]:
    """A client of gdpeer that sends a secret, if any, and takes what the server answers."""
    side = Side()
    side.api.auth_callback = lambda peer_id, data: side.api.complete_auth(peer_id)
    if secret:
        side.api.peer_authenticating.connect(lambda peer_id: side.api.send_auth(peer_id, secret))
    side.join(url)
    with side.peer:
        yield side


def test_an_engine_accepts_us() -> None:
    with hosted(auth="sesame") as (game, url), asking(url, b"sesame") as here:
        here.wait_for_peers()
        us = here.api.get_unique_id()
        game.see("peer_connected", here, id=us)
        assert game.see("auth_data")["text"] == "sesame"
        assert here.told == [("peer_authenticating", 1), ("connected_to_server",), ("peer_connected", 1)]
        here.main.echo.rpc_id(1, "in")
        here.wait_for_call("echoed", "in")
        assert game.errors == []


def test_an_engine_refuses_us() -> None:
    with hosted(auth="sesame") as (game, url), asking(url, b"guess") as here:
        here.wait_for_news("server_disconnected")
        assert here.told == [("peer_authenticating", 1), ("peer_authentication_failed", 1), ("server_disconnected",)]
        assert game.engine.find("peer_connected") is None


def test_an_engine_waits_for_us_no_longer() -> None:
    with hosted(auth="sesame", auth_timeout=0.3) as (game, url), asking(url, b"") as here:
        game.see("authentication_failed", here)
        here.wait_for_news("server_disconnected")
        assert here.told == [("peer_authenticating", 1), ("peer_authentication_failed", 1), ("server_disconnected",)]


def test_we_give_up_on_an_engine_that_asks_for_nothing() -> None:
    with hosted() as (game, url), joining(url, auth_callback=lambda peer_id, data: None, auth_timeout=0.3) as here:
        here.wait_for_news("peer_authentication_failed", 1)
        us = game.see("peer_connected", here)["id"]
        game.see("peer_disconnected", here, id=us)
        assert here.news("peer_connected", "connected_to_server") == []


# --- kicks, and the end of the server


def test_we_kick_an_engine() -> None:
    with hosting() as here, puppet(url=here.url) as ann, puppet(url=here.url) as bob:
        table = Table(here, ann, bob)
        here.api.disconnect_peer(table.ids[1])
        ann.see("server_disconnected", here)
        assert ann.engine.find("peer_disconnected", id=1)
        bob.see("peer_disconnected", here, id=table.ids[1])
        assert here.news("peer_disconnected") == []  # as in the engine: who kicks knows
        assert here.api.get_peers() == [table.ids[2]]
        assert (ann.errors, bob.errors) == ([], [])


def test_an_engine_kicks_us() -> None:
    with hosted() as (game, url), joining(url) as ann, joining(url) as bob:
        table = Table(game, ann, bob)
        game.do(f"multiplayer.disconnect_peer({table.ids[1]})", ann, bob)
        ann.wait_for_news("server_disconnected")
        assert ann.told[-2:] == [("peer_disconnected", 1), ("server_disconnected",)]
        assert ann.peer.get_connection_status() is DISCONNECTED
        bob.wait_for_news("peer_disconnected", table.ids[1])
        assert bob.api.get_peers() == [1]
        assert game.errors == []


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_an_engine_that_hosted_is_gone(how: str) -> None:
    with hosted() as (game, url), joining(url) as here, joining(url) as other:
        table = Table(game, here, other)
        if how == "killed":
            game.engine.kill()
        else:
            game.do("multiplayer.multiplayer_peer.close()", here, other)
        here.wait_for_news("server_disconnected")
        assert here.told[-2:] == [("peer_disconnected", 1), ("server_disconnected",)]
        assert here.peer.get_connection_status() is DISCONNECTED
        assert here.api.get_peers() == []
        assert here.main.nothing.rpc() is ERR_CONNECTION_ERROR
        assert here.api.send_bytes(b"x") is ERR_UNCONFIGURED
        assert ("peer_disconnected", table.ids[2]) not in here.told


def test_our_server_is_closed() -> None:
    with hosting() as here, puppet(url=here.url) as game:
        here.wait_for_peers()
        game.see("peer_connected", here, id=1)
        here.peer.close()
        game.see("server_disconnected", here)
        assert game.engine.find("peer_disconnected", id=1)
        here.wait_for_news("server_disconnected")
        assert game.errors == []


def test_we_may_join_again_with_the_same_peer() -> None:
    with hosted() as (game, url), joining(url) as here:
        here.wait_for_peers()
        first = here.api.get_unique_id()
        game.do(f"multiplayer.disconnect_peer({first})", here)
        here.wait_for_news("server_disconnected")
        assert here.peer.create_client(url) is OK
        here.wait_for_peers()
        second = here.api.get_unique_id()
        assert second != first
        here.main.echo.rpc_id(1, "again")
        here.wait_for_call("echoed", "again")
        assert game.engine.find("peer_connected", id=second)
        assert game.errors == []


def test_many_engines_come_and_go() -> None:
    with hosting() as here, ExitStack() as stack:
        games = [stack.enter_context(puppet(url=here.url)) for _ in range(3)]
        ids = here.wait_for_peers(3)
        here.main.say_local.rpc("all")
        assert [game.heard("say_local", '["all"]', here) for game in games] == [1] * 3
        games[0].engine.kill()
        until(lambda: len(here.api.get_peers()) == 2, here)
        [(_, gone)] = here.news("peer_disconnected")
        assert gone in ids
        for game in games[1:]:
            game.see("peer_disconnected", here, id=gone)
