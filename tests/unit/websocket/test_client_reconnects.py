"""A client with a policy connects again by itself: to a server that was started anew, and not where there is no use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gdpeer import ERR_ALREADY_IN_USE, OK, Cause, Reconnection, WebSocketClient, WebSocketServer
from tests.support.ports import free_port

Status = WebSocketClient.ConnectionStatus


class Told:
    """What a client's signals said."""

    def __init__(self, client: WebSocketClient) -> None:
        self.all: list[str] = []
        self.delays: list[float] = []
        client.connection_established.connect(lambda protocol: self.all.append("established"))
        client.connection_closed.connect(lambda was_clean: self.all.append("closed"))
        client.connection_error.connect(lambda: self.all.append("error"))
        client.reconnecting.connect(self._note)

    def _note(self, delay: float, cause: object) -> None:
        self.all.append("reconnecting")
        self.delays.append(delay)


@contextmanager
def serving(port: int, **settings: object) -> Iterator[WebSocketServer]:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(port) is OK
    with server:
        yield server


def client_of(**settings: object) -> WebSocketClient:
    client = WebSocketClient()
    client.reconnection = Reconnection(0.05, 0.1, **settings)  # type: ignore[arg-type]
    return client


def turn(client: WebSocketClient, server: WebSocketServer | None, done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        client.poll(0.01)
        if server is not None:
            server.poll()
        assert time.monotonic() < end


def test_a_server_that_is_started_anew_is_found() -> None:
    port, client = free_port(), client_of()
    told = Told(client)
    assert client.connect_to_url(f"ws://127.0.0.1:{port}") is OK
    turn(client, None, lambda: told.all.count("error") >= 2)
    assert client.get_connection_status() is Status.CONNECTING
    with serving(port) as server:
        turn(client, server, lambda: bool(server.peers) and told.all[-1] == "established")
        assert client.get_connection_status() is Status.CONNECTED
        server.stop(1001)
        turn(client, None, lambda: "closed" in told.all)
    assert told.all[told.all.index("closed") :][:2] == ["closed", "reconnecting"]
    with serving(port) as server:
        turn(client, server, lambda: told.all[-1] == "established")
        client.disconnect_from_host()
        turn(client, server, lambda: client.get_connection_status() is Status.DISCONNECTED)
    assert told.all[-1] == "closed"
    assert all(0.025 <= delay <= 0.1 for delay in told.delays)


def test_it_waits_no_longer_than_until_the_next_attempt() -> None:
    client = client_of()
    told = Told(client)
    client.connect_to_url(f"ws://127.0.0.1:{free_port()}")
    began = time.monotonic()
    while told.all.count("reconnecting") < 3 and time.monotonic() - began < 20:
        client.poll(60.0)
    assert told.all.count("reconnecting") == 3


def test_while_it_waits_it_is_in_use_and_can_be_ended() -> None:
    client = client_of()
    told = Told(client)
    client.connect_to_url(f"ws://127.0.0.1:{free_port()}")
    turn(client, None, lambda: "reconnecting" in told.all)
    assert client.connect_to_url("ws://127.0.0.1") is ERR_ALREADY_IN_USE
    client.disconnect_from_host()
    assert client.get_connection_status() is Status.DISCONNECTED
    told.all.clear()
    for _ in range(20):
        client.poll(0.01)
    assert told.all == []


def test_a_refused_origin_is_not_tried_again() -> None:
    client = client_of()
    told = Told(client)
    with serving(0, allowed_origins=["https://game.example"]) as server:
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        client.connect_to_url(url, custom_headers=["Origin: https://other.example"])
        turn(client, server, lambda: bool(told.all))
    assert told.all == ["error"]
    assert client.get_close_cause().cause is Cause.HTTP_STATUS
    assert client.get_connection_status() is Status.DISCONNECTED


def test_it_gives_up_as_the_policy_says() -> None:
    client = client_of(attempts=2)
    told = Told(client)
    client.connect_to_url(f"ws://127.0.0.1:{free_port()}")
    turn(client, None, lambda: client.get_connection_status() is Status.DISCONNECTED)
    assert told.all == ["error", "reconnecting"] * 2 + ["error"]


def test_without_a_policy_it_stays_closed() -> None:
    client = WebSocketClient()
    told = Told(client)
    client.connect_to_url(f"ws://127.0.0.1:{free_port()}")
    turn(client, None, lambda: client.get_connection_status() is Status.DISCONNECTED)
    assert told.all == ["error"]


@pytest.mark.parametrize("clean", [True, False])
def test_sessions_of_godot_3_are_begun_anew(clean: bool) -> None:
    port, client = free_port(), client_of(codes=[1000])
    succeeded: list[int] = []
    client.connection_succeeded.connect(lambda: succeeded.append(client.get_unique_id()))
    client.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
    for _ in range(2):
        server = WebSocketServer()
        server.bind_ip = "127.0.0.1"
        assert server.listen(port, gd_mp_api=True) is OK
        with server:
            before = len(succeeded)
            turn(client, server, lambda: len(succeeded) > before)  # noqa: B023
            if not clean:
                server.disconnect_peer(succeeded[-1], -1)
    assert len(set(succeeded)) == 2


def test_leaving_its_block_ends_it() -> None:
    with client_of() as client:
        told = Told(client)
        client.connect_to_url(f"ws://127.0.0.1:{free_port()}")
        turn(client, None, lambda: "reconnecting" in told.all)
    assert client.get_connection_status() is Status.DISCONNECTED
    told.all.clear()
    for _ in range(20):
        client.poll(0.01)
    assert told.all == []
