"""Coroutines of `on_create` and `on_auth`: refused without an event loop, and never in another hook."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import Any

import pytest

from gdpeer.rooms import Hall, Place, Room, RoomError
from gdpeer.rooms.waiting import future_of
from tests.unit.rooms.worlds import Arena, World

# A coroutine that is dropped silently is a warning of Python, and so an error here.
pytestmark = pytest.mark.filterwarnings("error")


class Later:
    """An awaitable that is no coroutine, as a decorator may return."""

    def __await__(self) -> Any:
        yield


def test_a_coroutine_of_on_auth_is_refused_without_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    class Asking(Arena):
        async def on_auth(self, ticket: Any, request: Any) -> str:
            return "Ann"

    world = World(Asking)
    room = world.make()
    player = world.join(room)
    assert player.status == 403
    assert (room.taken, world.hall.taken) == (0, 0)
    assert "on_auth returned a coroutine" in caplog.text
    assert "gdpeer.aio.serve_hall()" in caplog.text
    assert "concurrent.futures.Future" in caplog.text


@pytest.mark.parametrize("form", ["method", "function", "awaitable"])
def test_a_coroutine_of_on_create_is_refused_without_asyncio(form: str, caplog: pytest.LogCaptureFixture) -> None:
    class Slow(Arena):
        if form == "method":

            async def on_create(self, options: Any) -> None:
                """Does nothing."""

        else:

            def on_create(self, options: Any) -> Any:
                return Later()

    async def function(room: Room) -> None:
        """Does nothing."""

    world = World(function if form == "function" else Slow)
    with pytest.raises(RoomError, match="could not be made") as caught:
        world.make("function" if form == "function" else "arena")
    assert "on_create returned a coroutine" in str(caught.value.__cause__)
    assert "gdpeer.aio.serve_hall()" in caplog.text
    assert not world.hall.rooms


@pytest.mark.parametrize("name", ["on_join", "on_away", "on_return", "on_leave", "on_tick", "save", "on_dispose"])
def test_other_hooks_cannot_be_async(name: str) -> None:
    async def hook(self: Room, *arguments: Any) -> None:
        """Would never run."""

    with pytest.raises(TypeError, match=rf"Game\.{name} is async, but only on_create and on_auth may be"):
        Hall([type("Game", (Room,), {name: hook})])


def test_an_asynchronous_generator_is_no_hook_either() -> None:
    class Game(Room):
        async def on_join(self, place: Place) -> Any:  # type: ignore[override]
            yield

    with pytest.raises(TypeError, match="on_join is async"):
        Hall([Game])


def test_a_cancelled_future_of_on_auth_refuses_with_503() -> None:
    class Asking(Arena):
        def on_auth(self, ticket: Any, request: Any) -> Any:
            return future

    future: Future[None] = Future()
    world = World(Asking)
    room = world.make()
    player = world.join(room)
    future.cancel()
    world.run()
    assert player.status == 503
    assert room.taken == 0


def test_a_cancelled_future_of_on_create_closes_the_room(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(Room):
        kind = "arena"

        def on_create(self, options: Any) -> Any:
            return future

    loop = asyncio.new_event_loop()
    future = loop.create_future()
    world = World(Slow)
    room = world.make()
    future.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    world.run()
    assert room.is_closed
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"room {room.code}: on_create was cancelled")
    ]


def test_what_is_neither_a_future_nor_a_coroutine_is_the_answer() -> None:
    assert future_of({"name": "Ann"}, None, "on_auth") is None
    assert future_of(None, None, "on_auth") is None
