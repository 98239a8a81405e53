"""`serve_hall`: a hall in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import gdpeer.aio.hall as aio_hall
from gdpeer import HandshakeError, Node, TransportError, rpc
from gdpeer.aio import connect, multiplayer_client, serve_hall
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.rooms import Hall, Place, Room, entrance, lifecycle


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    @rpc("any_peer")
    async def greet(self, name: str) -> None:
        caller = self.multiplayer.get_remote_sender_id()
        await asyncio.sleep(0)
        self.answer.rpc_id(caller, f"hello {name}")

    @rpc("authority")
    def answer(self, text: str) -> None:
        self.heard.put_nowait(text)


class Arena(Room):
    kind = "arena"
    tick_rate = 50.0

    def on_create(self, options: object) -> None:
        self.ticks = 0
        self.tree.root.add_child(Main())

    def on_tick(self, delta: float) -> None:
        self.ticks += 1

    def on_join(self, place: Place) -> None:
        self.labels = {"last": place.peer_id}


async def test_players_meet_async_methods_and_ticks_go_on() -> None:
    hall = Hall([Arena], secret=b"s" * 32)
    before = hall.create("arena")
    async with serve_hall(hall, 0, "127.0.0.1") as served:
        assert served is hall
        for room in (before, hall.create("arena")):
            url = f"ws://127.0.0.1:{hall.get_local_port()}/room/{room.code}?session=0123456789abcdef"
            tree, main = SceneTree(), Main()
            tree.root.add_child(main)
            async with multiplayer_client(tree, url):
                main.greet.rpc_id(1, "Ann")
                assert await asyncio.wait_for(main.heard.get(), 10) == "hello Ann"
        async with asyncio.timeout(10):
            while before.ticks < 5:
                await asyncio.sleep(0.02)


class Asking(Room):
    """Asks somebody who takes `seconds` about the room and about each player."""

    kind = "asking"

    async def on_create(self, options: Any) -> None:
        await self.think(options)
        self.tree.root.add_child(Main())

    async def on_auth(self, ticket: Any, request: Any) -> str:
        await self.think(request.query)
        return "Ann"

    async def think(self, what: Any) -> None:
        try:
            await asyncio.sleep(60.0 if what and "slow" in what else 0.01)
        except asyncio.CancelledError:
            stopped.append(what)
            raise
        if what and "fail" in what:
            raise PermissionError


stopped: list[Any] = []
"""What was still to be decided when a task was cancelled."""


def url_of(room: Room, query: str = "") -> str:
    return f"ws://127.0.0.1:{room.hall.get_local_port()}/room/{room.code}?session=0123456789abcdef{query}"


async def status_of(url: str) -> int:
    """Returns the status of the answer to an upgrade that is refused."""
    with pytest.raises(HandshakeError) as caught:
        await connect(url, subprotocols=["gdpeer"])
    return caught.value.status


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_on_create_and_on_auth_may_be_async() -> None:
    hall = Hall([Asking])
    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("asking")
        assert not room.tree.root.get_children()
        player = await connect(url_of(room), subprotocols=["gdpeer"])
        assert [child.name for child in room.tree.root.get_children()] == ["Main"]
        [place] = room.places.values()
        assert place.auth == "Ann"
        assert await status_of(url_of(room, "&fail=1").replace("cdef", "xxxx")) == 403
        await player.close()


async def test_an_async_on_create_that_raises_closes_the_room(caplog: pytest.LogCaptureFixture) -> None:
    hall = Hall([Asking])
    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("asking", "fail")
        assert await status_of(url_of(room)) == 503
        assert room.is_closed
        assert "in think" in caplog.text  # the traceback


@pytest.mark.parametrize("hook", ["on_create", "on_auth"])
async def test_an_async_hook_is_cancelled_at_its_deadline(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle if hook == "on_create" else entrance, "PATIENCE", 0.1)
    stopped.clear()
    hall = Hall([Asking])
    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("asking", "slow" if hook == "on_create" else None)
        assert await status_of(url_of(room, "&slow=1")) == 503
        assert room.is_closed == (hook == "on_create")
        await until(lambda: stopped)
        assert hall.taken == 0
    assert len(stopped) == 1


async def test_the_end_of_the_block_cancels_async_hooks() -> None:
    stopped.clear()
    hall = Hall([Asking])
    async with serve_hall(hall, 0, "127.0.0.1"):
        ready = hall.create("asking")
        waiting = asyncio.ensure_future(status_of(url_of(ready, "&slow=1")))
        hall.create("asking", "slow")
        await until(lambda: ready.places)
    assert await waiting == 503
    assert len(stopped) == 2
    assert not hall.rooms


async def test_a_coroutine_may_close_its_own_room() -> None:
    class Fleeting(Room):
        async def on_create(self, options: Any) -> None:
            self.close()
            await asyncio.sleep(0)
            ended.append(True)

    ended: list[bool] = []
    hall = Hall([Fleeting])
    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("fleeting")
        await until(lambda: ended)
        assert room.is_closed


async def test_a_room_that_closes_while_it_is_made_has_its_task_cancelled() -> None:
    class Hasty(Asking):
        def on_create(self, options: Any) -> Any:  # type: ignore[override]
            coroutine = super().on_create("slow")
            if options == "at once":
                self.close()
            return coroutine

    stopped.clear()
    hall = Hall([Hasty])
    async with serve_hall(hall, 0, "127.0.0.1"):
        hall.create("asking", "at once")
        room = hall.create("asking")
        await asyncio.sleep(0.02)
        room.close()
        await until(lambda: stopped)
        await asyncio.sleep(0.02)
        assert not hall._hook_tasks._tasks  # type: ignore[union-attr]


async def test_hooks_that_ignore_their_cancellation_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Room):
        async def on_create(self, options: Any) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60.0)
            await over.wait()

    over = asyncio.Event()
    caplog.set_level("WARNING", "gdpeer")
    monkeypatch.setattr(aio_hall, "GRACE", 0.05)
    hall = Hall([Stubborn])
    async with serve_hall(hall, 0, "127.0.0.1"):
        hall.create("stubborn")
        await asyncio.sleep(0.02)
    assert "1 async hooks of rooms still run 0.05 seconds after the end" in caplog.text
    over.set()


async def test_the_end_of_the_block_closes_players_with_1001() -> None:
    hall = Hall([Arena], secret=b"s" * 32)
    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("arena")
        player = await connect(
            f"ws://127.0.0.1:{hall.get_local_port()}/room/{room.code}?session=0123456789abcdef", subprotocols=["gdpeer"]
        )
        await player.recv()  # the id
    await asyncio.wait_for(player.wait_closed(), 10)
    assert player.close_code == 1001
    assert not hall.is_listening()


async def test_a_hall_that_listens_already_and_ports_that_cannot_be_opened() -> None:
    hall = Hall([Arena], secret=b"s" * 32)
    with pytest.raises(ValueError, match="does not listen"):
        async with serve_hall(hall):
            pass
    assert hall.listen(0, "127.0.0.1") == 0
    with pytest.raises(TransportError, match="in use"):
        async with serve_hall(Hall([Arena], secret=b"s" * 32), hall.get_local_port(), "127.0.0.1"):
            pass
    async with serve_hall(hall):
        pass
    assert not hall.is_listening()


async def test_only_a_hall_is_served() -> None:
    with pytest.raises(TypeError, match="a Hall"):
        serve_hall(SceneTree())  # type: ignore[arg-type]


async def test_callbacks_of_soon_and_deferred_calls_of_a_room_may_be_async() -> None:
    hall = Hall([Arena])
    done: asyncio.Queue[str] = asyncio.Queue()

    async def finish(how: str) -> None:
        await asyncio.sleep(0)
        done.put_nowait(how)

    async with serve_hall(hall, 0, "127.0.0.1"):
        room = hall.create("arena")
        room.soon(partial(finish, "soon"))
        assert await asyncio.wait_for(done.get(), 5) == "soon"
        room.tree.call_deferred(finish, "deferred")
        assert await asyncio.wait_for(done.get(), 5) == "deferred"
