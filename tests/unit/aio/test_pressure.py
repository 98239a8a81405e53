"""Who reads slowly slows the sender; memory stays bounded on both sides."""

from __future__ import annotations

import asyncio

from gdpeer.aio import Connection, connect
from tests.support.figures import record
from tests.unit.aio.support import joined, served, until

SIZE = 16_384
LIMIT = 65_536


async def test_sending_waits_for_a_reader_that_does_not_read_and_goes_on_with_it() -> None:
    gate, done = asyncio.Event(), asyncio.Event()
    taken = 0

    async def slow(ws: Connection) -> None:
        nonlocal taken
        await gate.wait()
        async for message in ws:
            assert message == bytes(SIZE)
            taken += 1
            if taken == 2_000:
                done.set()

    async with served(slow, max_queue=8) as (server, url), connect(url, write_limit=LIMIT) as ws:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for _ in range(2_000):
                await ws.send(bytes(SIZE))
                sent += 1

        flooding = asyncio.create_task(flood())
        stalled = -1
        while stalled != sent:  # a quarter of a second in which nothing went
            stalled = sent
            await asyncio.sleep(0.25)
        assert not flooding.done()
        assert 0 < sent < 2_000
        waiting = ws.peer.get_current_outbound_buffered_amount()
        assert waiting <= LIMIT + SIZE + 16
        (connection,) = server.connections
        assert connection.peer.get_available_packet_count() <= 8
        await ws.ping()  # does not wait for the rest
        gate.set()
        await flooding
        await done.wait()
        assert sent == taken == 2_000
    record("D5-aio", sent_before_it_waited=stalled, outbound_bytes=waiting)


async def test_a_message_larger_than_the_write_limit_goes_out_whole_and_the_next_waits() -> None:
    gate = asyncio.Event()

    async def slow(ws: Connection) -> None:
        await gate.wait()
        async for message in ws:
            await ws.send(str(len(message)))

    async with served(slow, max_size=None) as (_, url), connect(url, write_limit=1_000) as ws:
        await ws.send(bytes(16 << 20))
        second = asyncio.create_task(ws.send(b"second"))
        await asyncio.sleep(0)
        assert not second.done()
        gate.set()
        await second
        assert [await ws.recv(), await ws.recv()] == [str(16 << 20), "6"]


async def test_no_limits_take_what_there_is() -> None:
    unlimited = dict.fromkeys(("max_size", "max_queue", "write_limit", "ping_interval", "open_timeout"))
    async with joined(**unlimited, close_timeout=None, compression=None, subprotocols=None) as ws:
        for _ in range(64):
            await ws.send(bytes(1_000_000))
        for _ in range(64):
            assert len(await ws.recv()) == 1_000_000


async def test_a_reader_that_reads_now_and_then_gets_everything_in_order() -> None:
    async def talk(ws: Connection) -> None:
        for number in range(2_000):
            await ws.send(str(number))

    async with served(talk) as (_, url), connect(url, max_queue=4) as ws:
        await until(lambda: ws.peer.is_paused())
        got = []
        async for message in ws:
            got.append(message)
            if len(got) % 500 == 0:
                await asyncio.sleep(0.01)
        assert got == [str(number) for number in range(2_000)]
