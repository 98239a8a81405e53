"""`serve_hall`: a hall in the event loop."""

from __future__ import annotations

import asyncio

import pytest

from gdpeer import Node, TransportError, rpc
from gdpeer.aio import connect, multiplayer_client, serve_hall
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.rooms import Hall, Place, Room


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
