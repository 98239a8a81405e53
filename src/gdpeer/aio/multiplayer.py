"""`multiplayer_server` and `multiplayer_client`: run a `SceneTree` within asyncio.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gdpeer import fronts as front
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.aio.tasks import AnswerTasks, TreeTasks
from gdpeer.arguments import INT, STR, a, checked
from gdpeer.errors import Error, TransportError
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.rpc.async_methods import use_tasks
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["GRACE", "LONGEST", "make_peer", "multiplayer_client", "multiplayer_server", "running"]

LONGEST = 0.1
"""The most seconds between two polls: deadlines that no poller knows, as that of authentication, are noticed then."""

_TREE = a("a SceneTree", SceneTree)

GRACE = 2.0
"""Seconds that the tree's own tasks have to end, and after that the other sides to answer the close."""


@checked(tree=_TREE, port=INT, bind_address=STR)
@asynccontextmanager
async def multiplayer_server(
    tree: SceneTree,
    port: int = 0,
    bind_address: str = "*",
    tls_server_options: TLSOptions | None = None,
    **settings: Any,
) -> AsyncIterator[WebSocketMultiplayerPeer]:
    """Runs a tree as the server while the block runs. At the end of the block all clients are closed with code 1001.

    `@rpc` methods of the tree's nodes may be async: each call is a task, which is cancelled at the end of the block.
    `process_request` and `http_handler` may be async too.

    Args:
        tree: its `multiplayer` gets the peer. Do not poll the tree.
        port: 1 to 65,535; 0 opens a free port, which the peer's `get_local_port()` tells.
        bind_address: one address, or "*" for all.
        tls_server_options: for `wss`. None: no TLS.
        settings: of `WebSocketMultiplayerPeer`, by name, and `dialects`.

    Raises:
        TransportError: the port cannot be opened.
    """
    peer = make_peer(settings)
    error = peer.create_server(port, bind_address, tls_server_options)
    if error is not Error.OK:
        raise TransportError(peer.get_listen_error() or error.name, error=error)
    async with running(tree, peer) as driver:
        answers = AnswerTasks(driver.soon)
        peer.be_server().use_tasks(answers.start, reads_later=False)
        try:
            yield peer
        finally:
            answers.cancel()


@checked(tree=_TREE, url=STR)
@asynccontextmanager
async def multiplayer_client(
    tree: SceneTree, url: str, tls_client_options: TLSOptions | None = None, **settings: Any
) -> AsyncIterator[WebSocketMultiplayerPeer]:
    """Runs a tree as a client while the block runs. The block begins when the server has told the client's id.

    `@rpc` methods may be async, as with `multiplayer_server`.

    Args:
        tree: its `multiplayer` gets the peer. Do not poll the tree.
        url: the server's: `ws://host[:port]/path` or `wss://...`.
        tls_client_options: for `wss`. None trusts the machine's certificate authorities.
        settings: of `WebSocketMultiplayerPeer`, by name, and `dialects`.

    Raises:
        ValueError: the URL is not valid.
        TransportError, HandshakeError: the connection did not open.
    """
    peer = make_peer(settings)
    error = peer.create_client(url, tls_client_options)
    if error is Error.ERR_INVALID_PARAMETER:
        raise ValueError(peer.get_close_cause().detail)
    if error is not Error.OK:
        raise front.not_open_error(peer.get_close_cause())
    async with running(tree, peer) as driver:
        await driver.when(lambda: peer.get_connection_status() is not ConnectionStatus.CONNECTING)
        if peer.get_connection_status() is ConnectionStatus.DISCONNECTED:
            raise front.not_open_error(peer.get_close_cause())
        yield peer


def make_peer(settings: dict[str, Any]) -> WebSocketMultiplayerPeer:
    """Returns a peer with settings by name, and `dialects`. Raises TypeError for a name that is none."""
    peer = WebSocketMultiplayerPeer(settings.pop("dialects", ("godot4",)))
    for name, value in settings.items():
        if name.startswith("_") or not hasattr(peer, name):
            raise TypeError(f"unknown setting {name!r}")
        setattr(peer, name, value)
    return peer


@asynccontextmanager
async def running(tree: SceneTree, peer: WebSocketMultiplayerPeer) -> AsyncIterator[LoopDriver]:
    """Polls a tree with a peer that listens or connects while the block runs, and closes the peer at its end."""
    tree.multiplayer.multiplayer_peer = peer

    def poll() -> None:
        peer.poll() if is_leaving else tree.poll()
        peer.watch()
        driver.longest = tree.time_left(LONGEST)  # no longer than until the next timer ends

    is_leaving = False
    tasks = TreeTasks()
    before = use_tasks(tree, tasks)
    driver = LoopDriver(poll, peer.poll_turn, lambda: None, LONGEST)
    tree.on_news = driver.soon
    driver.run()
    try:
        yield driver
    finally:
        is_leaving, tree.on_news = True, None
        if tree.multiplayer.multiplayer_peer is peer:
            tree.multiplayer.multiplayer_peer = None
        use_tasks(tree, before)
        try:
            await tasks.end(GRACE)
            await asyncio.wait_for(_leave(peer, driver), GRACE)
        except TimeoutError:
            pass
        finally:
            driver.stop()
            peer.close()


async def _leave(peer: WebSocketMultiplayerPeer, driver: LoopDriver) -> None:
    """Closes, and waits for the answers."""
    have_answered = driver.when(peer.begin_to_leave())
    driver.run()
    await have_answered
