"""`gdpeer.aio.Connection`: receiving, sending, pings, the end."""

from __future__ import annotations

import asyncio

import pytest

from gdpeer import Cause, ConnectionClosedError, ConnectionClosedOK
from gdpeer.aio import Connection, connect
from gdpeer.websocket.states import PeerState
from tests.unit.aio.support import joined, served, until


async def test_text_comes_as_str_and_bytes_as_bytes() -> None:
    async with joined() as ws:
        for message in ("text", b"\0\xff", "", b"", "é" * 40_000):
            await ws.send(message)
            assert await ws.recv() == message
        for message in (bytearray(b"ab"), memoryview(b"ab")):
            await ws.send(message)
            assert await ws.recv() == b"ab"


async def test_decode_says_what_a_message_is_given_as() -> None:
    async with joined() as ws:
        for message in ("é", "é".encode()):
            await ws.send(message)
            await ws.send(message)
            assert await ws.recv(decode=True) == "é"
            assert await ws.recv(decode=False) == "é".encode()


async def test_what_is_no_message_is_a_type_error_and_the_connection_goes_on() -> None:
    async with joined() as ws:
        for wrong in (1, None, ["text"]):
            with pytest.raises(TypeError, match="str or bytes"):
                await ws.send(wrong)
        await ws.send("on")
        assert await ws.recv() == "on"


async def test_messages_come_in_order_however_many_there_are() -> None:
    async with joined() as ws:
        for number in range(3_000):
            await ws.send(str(number))
        assert [await ws.recv() for _ in range(3_000)] == [str(number) for number in range(3_000)]


async def test_iteration_ends_with_a_close_as_agreed() -> None:
    async def count(ws: Connection) -> None:
        for number in range(3):
            await ws.send(str(number))

    async with joined(count) as ws:
        assert [message async for message in ws] == ["0", "1", "2"]
        assert (ws.close_code, ws.close_reason, ws.state) == (1000, "", PeerState.CLOSED)


async def test_what_came_right_before_the_end_is_still_answered() -> None:
    """All in one piece, so that the end is known before a task has run: a close, and a breach of the protocol."""
    for tail, code in ((b"\x88\x82\0\0\0\0\x03\xe8", 1000), (b"\x80\x80\0\0\0\0", 1002)):
        async with served() as (_, url):
            host, port = url.removeprefix("ws://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x81\x81\0\0\0\0a" + b"\x81\x81\0\0\0\0b" + tail)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        assert answer.startswith(b"\x81\x01a\x81\x01b\x88")
        assert answer[8:10] == code.to_bytes(2, "big")


async def test_iteration_raises_after_any_other_end() -> None:
    async def fail(ws: Connection) -> None:
        await ws.send("last words")
        await ws.close(4001, "no more")

    async with joined(fail) as ws:
        heard: list[str | bytes] = []

        async def listen() -> None:
            async for message in ws:
                heard.append(message)  # noqa: PERF401  # the loop is what is tried

        with pytest.raises(ConnectionClosedError) as caught:
            await listen()
        assert heard == ["last words"]
        assert (caught.value.code, caught.value.reason) == (4001, "no more")
        assert caught.value.close_cause.cause is Cause.CLOSED


async def test_what_came_before_the_close_is_received_after_it() -> None:
    async def say(ws: Connection) -> None:
        await ws.send("one")
        await ws.send(b"two")

    async with joined(say) as ws:
        await ws.wait_closed()
        assert [await ws.recv(), await ws.recv()] == ["one", b"two"]
        with pytest.raises(ConnectionClosedOK):
            await ws.recv()
        with pytest.raises(ConnectionClosedOK):
            await ws.send("late")


async def test_both_sides_see_the_code_and_reason_of_a_client_that_closes() -> None:
    ended: asyncio.Queue[tuple[int | None, str | None]] = asyncio.Queue()

    async def note(ws: Connection) -> None:
        await ws.send("before the close")
        await ws.wait_closed()
        ended.put_nowait((ws.close_code, ws.close_reason))

    async with joined(note) as ws:
        assert (ws.close_code, ws.close_reason) == (None, None)
        await ws.close(4002, "bye")
        assert await ended.get() == (4002, "bye")
        assert (ws.close_code, ws.state) == (4002, PeerState.CLOSED)
        assert await ws.recv() == "before the close"
        await ws.close()  # again, without effect
        assert ws.close_code == 4002


async def test_after_a_close_nothing_is_left_of_the_connection() -> None:
    async with served() as (_, url):
        for _ in range(5):
            ws = await connect(url)
            await ws.close()
            assert ws.peer.is_over()
            assert ws._driver._poller is None


async def test_a_close_that_may_not_be_sent_is_a_value_error_and_the_connection_goes_on() -> None:
    async with joined() as ws:
        for code, reason in ((1006, ""), (99, ""), (1000, "x" * 124)):
            with pytest.raises(ValueError, match=r"code|reason|123|bytes"):
                await ws.close(code, reason)
        await ws.send("on")
        assert await ws.recv() == "on"


async def test_leaving_the_block_with_an_exception_says_1011() -> None:
    ended: asyncio.Queue[int | None] = asyncio.Queue()

    async def note(ws: Connection) -> None:
        await ws.wait_closed()
        ended.put_nowait(ws.close_code)

    async with served(note) as (_, url):
        with pytest.raises(KeyError):
            async with connect(url):
                raise KeyError
        assert await ended.get() == 1011


async def test_a_close_with_a_thousand_messages_unread_does_not_wait_for_its_limit() -> None:
    async def flood(ws: Connection) -> None:
        while True:
            await ws.send(bytes(4_096))

    async with served(flood) as (_, url):
        ws = await connect(url, max_queue=16, close_timeout=PATIENT)
        await until(lambda: ws.peer.is_paused())
        await ws.close()
        assert ws.close_code == 1000


PATIENT = 60.0
"""Seconds, more than a test may take."""


async def test_a_connection_that_breaks_raises_with_1006_and_its_cause() -> None:
    async def drop(ws: Connection) -> None:
        ws.peer.close(-1)

    async with joined(drop) as ws:
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        assert (caught.value.code, caught.value.cause, ws.close_code) == (1006, Cause.TCP, 1006)
        with pytest.raises(ConnectionClosedError):
            await ws.ping()


async def test_a_message_over_max_size_ends_it_with_1009() -> None:
    async with joined(max_size=1_000) as ws:
        await ws.send(bytes(1_000))
        assert await ws.recv() == bytes(1_000)
        await ws.send(bytes(1_001))
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        assert (caught.value.code, caught.value.cause) == (1009, Cause.TOO_BIG)


async def test_two_tasks_that_receive_are_told_so() -> None:
    async with joined() as ws:
        first = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await ws.recv()
        await ws.send("for the first")
        assert await first == "for the first"


# ---------------------------------------------------------------------------------------------- pings


async def test_a_ping_is_answered_with_the_round_trip() -> None:
    async with joined() as ws:
        assert ws.latency == 0
        answered = await ws.ping(b"there?")
        trip = await answered
        assert 0 < trip == ws.latency
        assert await (await ws.ping("text")) > 0
        with pytest.raises(ValueError, match="125"):
            await ws.ping(bytes(126))


async def test_a_ping_that_is_not_answered_before_the_end_raises() -> None:
    async with joined() as ws:
        answered = await ws.ping()
        ws.peer.close(-1)
        ws._driver.run()
        with pytest.raises(ConnectionClosedError):
            await answered


async def test_a_ping_that_nobody_waits_for_is_no_complaint_of_the_loops() -> None:
    async with joined() as ws:
        await ws.ping()
        (await ws.ping()).cancel()
        ws.peer.close(-1)
        ws._driver.run()
        await ws.wait_closed()
        await asyncio.sleep(0)


async def test_a_heartbeat_measures_by_itself() -> None:
    async with joined(ping_interval=0.01) as ws:
        await until(lambda: ws.latency > 0)


# ---------------------------------------------------------------------------------------------- facts


async def test_a_connection_tells_who_is_there_and_what_was_agreed_on() -> None:
    seen: list[tuple[object, ...]] = []

    async def look(ws: Connection) -> None:
        assert ws.request is not None
        seen.append((ws.request.path, ws.request.headers.get("x-game"), ws.subprotocol, ws.remote_address[0]))
        await ws.recv()

    async with served(look, subprotocols=["chat"], additional_headers=[("X-Server", "s")]) as (server, url):
        options = {"subprotocols": ["other", "chat"], "additional_headers": {"X-Game": "7"}}
        async with connect(f"{url}/room?x=1", **options) as ws:
            assert (ws.subprotocol, ws.headers.get("x-server"), ws.request) == ("chat", "s", None)
            assert (ws.remote_address, repr(ws)) == (("127.0.0.1", server.port), "<gdpeer.aio.Connection OPEN>")
            await ws.send("seen")
            await ws.wait_closed()
    assert seen == [("/room", "7", "chat", "127.0.0.1")]
    async with joined() as ws:
        assert ws.subprotocol is None


async def test_use_in_another_loop_is_told() -> None:
    async with joined() as ws:

        async def use() -> list[str]:
            found = []
            for wrong in (ws.recv, ws.close, ws.ping, ws.wait_closed):
                try:
                    await wrong()
                except RuntimeError as problem:
                    found.append(str(problem))
            return found

        problems = await asyncio.to_thread(asyncio.run, use())
        assert len(problems) == 4
        await ws.send("on")
        assert await ws.recv() == "on"
