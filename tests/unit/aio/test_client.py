"""`gdpeer.aio.connect`: ways to open, options, and what is raised for each way not to."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from gdpeer import Cause, ConnectionClosedOK, HandshakeError, TLSOptions, TransportError
from gdpeer.aio import Connection, connect, serve
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.unit.aio.support import echo, served, url_of


async def test_a_client_is_awaited_or_entered() -> None:
    async with served() as (_, url):
        ws = await connect(url)
        await ws.send("awaited")
        assert await ws.recv() == "awaited"
        await ws.close()
        async with connect(url) as entered, await connect(url) as both:
            await entered.send("a")
            await both.send("b")
            assert (await entered.recv(), await both.recv()) == ("a", "b")


async def test_a_connection_that_is_closed_at_once_still_opens() -> None:
    async def leave(ws: Connection) -> None:
        await ws.send("hello and goodbye")

    async with served(leave) as (_, url):
        for _ in range(20):
            async with connect(url) as ws:
                assert await ws.recv() == "hello and goodbye"
                with pytest.raises(ConnectionClosedOK):
                    await ws.recv()


# ---------------------------------------------------------------------------------------------- causes


async def test_a_port_where_nothing_listens_is_a_transport_error() -> None:
    with pytest.raises(TransportError) as caught:
        async with connect(f"ws://127.0.0.1:{free_port()}"):
            pass
    assert caught.value.cause is Cause.TCP
    assert caught.value.detail


async def test_a_name_that_is_not_there_is_a_transport_error() -> None:
    with pytest.raises(TransportError) as caught:
        await connect("ws://nowhere.invalid")
    assert caught.value.cause is Cause.DNS


async def test_a_server_that_says_no_is_a_handshake_error_with_its_status() -> None:
    async with served() as (server, url):
        server.engine.refuse_new_connections = True
        with pytest.raises(HandshakeError) as caught:
            await connect(url)
    assert (caught.value.status, caught.value.cause) == (503, Cause.HTTP_STATUS)


async def test_no_common_sub_protocol_is_a_handshake_error() -> None:
    async with served(subprotocols=["chat"]) as (_, url):
        with pytest.raises(HandshakeError) as caught:
            await connect(url, subprotocols=["other"])
    assert caught.value.status == 400


async def test_what_is_no_websocket_server_is_an_error_of_the_upgrade() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-x\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        with pytest.raises(HandshakeError) as caught:
            await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert caught.value.cause is Cause.UPGRADE


async def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(TransportError) as caught:
            await connect(f"ws://127.0.0.1:{silent.getsockname()[1]}", open_timeout=0.1)
    assert caught.value.cause is Cause.TIMEOUT


async def test_a_wrong_url_or_option_is_an_error_before_anything_is_opened() -> None:
    for url in ("http://127.0.0.1", "ws://", "ws://127.0.0.1:99999"):
        with pytest.raises(ValueError, match=r".+"):
            await connect(url)
    for wrong in ({"max_size": -1}, {"compression": "zip"}, {"additional_headers": {"no colon\n": ""}}):
        with pytest.raises(ValueError, match=r".+"):
            await connect("ws://127.0.0.1", **wrong)
    for wrong in (
        {"ping_timeout": 1},
        {"max_size": "1"},
        {"subprotocols": "chat"},
        {"poll": 1},
        {"_url": ""},
        {"drained": 1},
        {"State": 1},
    ):
        with pytest.raises(TypeError, match=r".+"):
            await connect("ws://127.0.0.1", **wrong)


async def test_a_failure_within_the_block_is_the_users() -> None:
    async with served() as (_, url):
        block = connect(url, max_size=-1)
        with pytest.raises(ValueError, match=r"inbound_buffer_size"):
            await block.__aenter__()
        await block.__aexit__(None, None, None)  # nothing was opened


# ---------------------------------------------------------------------------------------------- TLS


async def test_tls_by_options_or_by_contexts_of_the_standard_library(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    by_paths = {"private_key": str(certificates.key), "ssl_certificate": str(certificates.certificate)}
    for options in ({"ssl": context}, by_paths):
        async with serve(echo, "127.0.0.1", 0, **options) as server:
            for tls in (trusting, TLSOptions.client(certificates.authority)):
                async with connect(url_of(server, "wss"), ssl=tls, server_hostname="localhost") as ws:
                    await ws.send("secret" * 10_000)
                    assert await ws.recv() == "secret" * 10_000


async def test_a_certificate_that_is_not_trusted_or_for_another_name_is_a_tls_error(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    async with serve(echo, "127.0.0.1", 0, ssl=context) as server:
        for options in ({}, {"ssl": trusting, "server_hostname": "other.example"}, {"server_hostname": "localhost"}):
            with pytest.raises(TransportError) as caught:
                await connect(url_of(server, "wss"), **options)
            assert caught.value.cause is Cause.TLS
        async with connect(url_of(server, "wss"), ssl=trusting) as ws:
            assert ws.remote_address == ("127.0.0.1", server.port)


async def test_messages_are_compressed_where_both_want_it() -> None:
    async with served(compression="deflate") as (_, url):
        async with connect(url, compression="deflate", compression_threshold=0) as ws:
            await ws.send("a" * 50_000)
            assert await ws.recv() == "a" * 50_000
            assert ws.peer.get_stats().bytes_received < 5_000
        async with connect(url) as ws:
            await ws.send("a" * 5_000)
            assert await ws.recv() == "a" * 5_000
            assert ws.peer.get_stats().bytes_received > 5_000
