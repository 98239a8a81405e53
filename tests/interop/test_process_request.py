"""`process_request` as real clients meet it: Godot 4, Godot 3 and `websockets`."""

from __future__ import annotations

import threading

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gdpeer.http import Request, Response
from tests.interop.echo_rooms import EchoRoom, echo_room, until
from tests.interop.fronts import FRONTS
from tests.support.engines import fixture

SCENES = {"4": "peer_client", "3": "client"}


def process(request: Request) -> Response | None:
    """Lets in who names the token in the query or in a header."""
    if request.query == "token=1" or request.headers.get("x-token") == "1":
        return None
    return Response(401, "who are you?\n", reason="No Token")


@FRONTS
@pytest.mark.engine
@pytest.mark.parametrize("version", ["4", "3"])
def test_an_engine_is_let_in_by_query_or_header_or_refused(version: str) -> None:
    with echo_room(process_request=process) as room:
        for url, options in ((f"{room.url}/?token=1", {}), (room.url, {"header": "X-Token: 1"})):
            before = len(room.opened)
            with fixture(version, SCENES[version], url=url, **options) as run:
                until(lambda run=run: run.find("quit") is not None, room)
                assert run.wait() == 0, run.events
            assert len(room.opened) == before + 1
        with fixture(version, SCENES[version], url=room.url, timeout=5) as run:
            until(lambda: run.find("quit") is not None, room)
            assert run.find("open") is None
        assert room.server.stats().refused == {"http 401": 1}


@FRONTS
def test_a_client_of_websockets_is_let_in_or_told_why_not() -> None:
    with echo_room(process_request=process) as room:
        outcome: list[object] = []
        client = threading.Thread(target=_visit, args=(room, outcome))
        client.start()
        until(lambda: not client.is_alive(), room)
        assert outcome == ["x", (401, "No Token", b"who are you?\n")]


def _visit(room: EchoRoom, outcome: list[object]) -> None:
    with connect(room.url, additional_headers={"X-Token": "1"}) as ws:
        ws.send("x")
        outcome.append(ws.recv(10))
    try:
        connect(room.url).close()
    except InvalidStatus as refused:
        answer = refused.response
        outcome.append((answer.status_code, answer.reason_phrase, answer.body))
