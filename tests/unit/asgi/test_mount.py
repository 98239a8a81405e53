"""`Mount`: a game beside another app."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import WebSocketServer
from gdpeer.asgi import Mount, Server
from tests.unit.asgi.support import Lifespan, Visit, get, life


class Other:
    """Another app, which notes what it is asked. It may have a lifespan."""

    def __init__(self, *, has_lifespan: bool = True, fails: bool = False) -> None:
        self.seen: list[str] = []
        self._has_lifespan = has_lifespan
        self._fails = fails

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"other", "more_body": False})

    async def _live(self, receive: Any, send: Any) -> None:
        if not self._has_lifespan:
            raise ValueError("only HTTP here, as Django says")
        await receive()
        if self._fails:
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        self.seen.append("begins")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.seen.append("ends")
        await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.parametrize("has_lifespan", [True, False])
async def test_connections_below_the_path_go_to_the_game(has_lifespan: bool) -> None:
    other = Other(has_lifespan=has_lifespan)
    app = Mount("/game/", Server(WebSocketServer()), other)
    async with life(app):
        for path in ("/game", "/game/", "/game/deep"):
            visit = Visit(app, path=path)
            await visit.hear("websocket.accept")
            await visit.end()
        assert (await get(app, "/game/health"))[2] == b'{"status": "ok", "peers": 0}'
        assert (await get(app, "/api/game/health", root_path="/api"))[2] == b'{"status": "ok", "peers": 0}'
        assert (await get(app, "/games"))[2] == b"other"
        assert (await get(app, "/"))[2] == b"other"
    assert [word for word in other.seen if word.startswith("/")] == ["/games", "/"]
    assert ("begins" in other.seen, "ends" in other.seen) == (has_lifespan, has_lifespan)


async def test_the_players_are_closed_before_the_server_hears_of_the_end() -> None:
    game = Server(WebSocketServer())
    app = Mount("/game", game, Other())
    lifespan = Lifespan(app)
    await lifespan.begin()
    visit = Visit(app, path="/game")
    await visit.hear("websocket.accept")
    lifespan.begin_to_end()
    assert (await visit.hear("websocket.close"))["code"] == 1001
    assert not lifespan.has_told()
    await visit.end(1001)
    await lifespan.ended()


async def test_an_app_that_cannot_begin_ends_the_game() -> None:
    game = Server(WebSocketServer())
    assert await Lifespan(Mount("/game", game, Other(fails=True))).fail() == "no database"


async def test_an_app_that_fails_later_is_heard_of() -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise OSError("the database is gone")

    visit = Visit(Mount("/game", Server(WebSocketServer()), fail), "lifespan")
    visit.say("lifespan.startup")
    with pytest.raises(OSError, match="database"):
        await visit.task


def test_the_path_must_begin_with_a_slash() -> None:
    for path in ("game", "/"):
        with pytest.raises(ValueError, match="a path such as"):
            Mount(path, Server(WebSocketServer()), Other())
