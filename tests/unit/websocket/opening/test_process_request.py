"""`process_request`: a server's say about each upgrade before it is answered."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import OK, Cause, WebSocketMultiplayerPeer, WebSocketPeer
from gdpeer.http import Request, Response
from gdpeer.websocket.opening.upgrade import Answered, Question, ServerUpgrade
from gdpeer.websocket.settings import Settings
from tests.unit.websocket.support import CLOSED, OPEN, Room, listening, request, until, url_of

TOKEN = "Authorization: Bearer 123"


def only_with_token(asked: Request) -> Response | None:
    """The example of the documentation."""
    if asked.headers.get("authorization") == "Bearer 123" or asked.query == "token=123":
        return None
    return Response(401, "who are you?\n", headers=(("WWW-Authenticate", "Bearer"),), reason="No Token")


def come(server: Any, url: str, *headers: str) -> WebSocketPeer:
    peer = WebSocketPeer()
    peer.handshake_headers = headers
    assert peer.connect_to_url(url) is OK
    until(lambda: peer.get_ready_state() in (OPEN, CLOSED), peer, server)
    return peer


def test_it_sees_the_request_and_refuses_with_status_reason_and_body() -> None:
    seen: list[Request] = []

    def process(asked: Request) -> Response | None:
        seen.append(asked)
        return only_with_token(asked)

    with listening(process_request=process) as (server, _):
        stranger = come(server, url_of(server) + "room?x=1")
        cause = stranger.get_close_cause()
        assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, 401)
        assert cause.detail == "the server answered 401 No Token: who are you?"
        assert (seen[0].path, seen[0].query, seen[0].method) == ("/room", "x=1", "GET")
        assert seen[0].remote_address[0] == "127.0.0.1"
        assert seen[0].remote_address[1] > 0
        assert server.stats().refused == {"http 401": 1}
        with come(server, url_of(server) + "?token=123") as friend:
            assert friend.get_ready_state() is OPEN
        with come(server, url_of(server), TOKEN) as friend:
            until(lambda: len(server.peers) == 1, server, friend)
            (peer,) = server.peers.values()
            assert peer.get_requested_headers()["Authorization"] == "Bearer 123"
            assert friend.get_requested_headers().get("authorization") == ""
    assert WebSocketPeer().get_requested_headers().get("host") == ""


def test_all_of_the_answer_reaches_who_is_refused() -> None:
    settings = Settings()
    upgrade = ServerUpgrade(settings, settings.limits())
    upgrade.question = Question(only_with_token, 100, None)
    outcome = upgrade.receive(request(), Somewhere())
    assert outcome is not None
    head, _, body = outcome.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 No Token\r\n")
    assert b"\r\nwww-authenticate: bearer\r\n" in head.lower()
    assert body == b"who are you?\n"
    assert upgrade.request is not None
    assert upgrade.request.remote_address == Somewhere.remote_address


class Somewhere:
    remote_address = ("192.0.2.7", 7)


def fail(asked: Request) -> Response:
    raise RuntimeError("game code")


async def late(asked: Request) -> Response | None:
    return None


@pytest.mark.parametrize(
    ("process", "logged"),
    [
        (fail, "game code"),
        (lambda asked: "no", "None or a Response, not str"),
        (lambda asked: True, "None or a Response, not bool"),
        (lambda asked: Response(200, headers=(("X", "a\nb"),)), "HTTP cannot carry it"),
        (lambda asked: Response(99), "HTTP cannot carry it"),
        (lambda asked: Response(403, reason="a\r\nX: y"), "a reason with control characters"),
        (late, "only servers of gdpeer.aio"),
    ],
)
def test_what_it_does_wrong_is_logged_and_answered_with_500(
    process: Any, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(process_request=process)
    _, client = room.enter()
    room.poll()
    assert client.get_close_cause().status == 500
    assert logged in caplog.text
    assert "Traceback" in caplog.text
    assert "game code" not in client.get_close_cause().detail


def test_it_is_not_asked_about_pages_nor_about_who_is_refused_anyhow() -> None:
    asked: list[Request] = []
    room = Room(process_request=asked.append, allowed_origins=["https://ours"], allowed_paths=["/"])
    for head in (request("/other"), request("/", "Origin: https://theirs"), b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"):
        _, theirs, _ = room.stream()
        theirs.send([head])
        room.poll()
    assert asked == []
    room.server.refuse_new_connections = True
    room.enter()
    room.poll()
    assert asked == []
    room.server.refuse_new_connections = False
    room.join()
    assert len(asked) == 1


def test_a_multiplayer_server_has_it_too_before_and_after_it_began() -> None:
    server = WebSocketMultiplayerPeer()
    server.process_request = only_with_token
    assert server.process_request is only_with_token
    assert server.create_server(0, "127.0.0.1") is OK
    with server:
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        assert come(server, url).get_close_cause().status == 401
        with come(server, url, TOKEN) as friend:
            assert friend.get_ready_state() is OPEN
            until(lambda: server.stats().peers, server, friend)
        server.process_request = None
        with come(server, url) as friend:
            assert friend.get_ready_state() is OPEN


class Later:
    """An asynchronous answer that comes when the test says so."""

    def __init__(self, room: Room) -> None:
        self.answered: Answered | None = None
        room.server.use_tasks(self._keep)

    def _keep(self, answer: Any, answered: Answered) -> None:
        answer.close()
        self.answered = answered

    def answer(self, response: Response | None, problem: Exception | None = None) -> None:
        assert self.answered is not None
        self.answered(response, problem)


def waiting_room(**settings: Any) -> tuple[Room, Later]:
    room = Room(process_request=late, **settings)
    return room, Later(room)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [((None, None), 0), ((Response(403), None), 403), ((None, RuntimeError("game code")), 500)],
)
def test_an_answer_may_come_later(answer: Any, expected: int) -> None:
    room, later = waiting_room()
    _, client = room.enter()
    room.poll()
    assert client.get_ready_state() is WebSocketPeer.State.CONNECTING
    later.answer(*answer)
    room.poll()
    assert client.get_close_cause().status == expected
    assert (client.get_ready_state() is OPEN) == (not expected)


def test_what_comes_before_a_late_answer_is_kept_within_limits() -> None:
    room, later = waiting_room()
    peer_id, theirs, _ = room.stream()
    theirs.send([request()])
    room.poll()
    theirs.send([b"\x82\x83\0\0\0\0abc"])
    room.poll()
    later.answer(None)
    room.poll()
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    assert peer.get_packet() == b"abc"
    peer_id, theirs, _ = room.stream()
    theirs.send([request()])
    room.poll()
    theirs.send([bytes(40_000)])
    room.poll()
    buffer = bytearray(100)
    theirs.receive_into(buffer)
    assert buffer.startswith(b"HTTP/1.1 400 ")


def test_an_answer_that_never_comes_ends_in_503_and_one_after_the_end_is_ignored() -> None:
    room, later = waiting_room(handshake_timeout=2.0)
    _, client = room.enter()
    room.poll()
    room.clock.advance(2.1)
    room.poll()
    assert client.get_close_cause().status == 503
    later.answer(None)
    room.clock.advance(60)
    room.poll()
    later.answer(None)
    assert not room.server.peers
