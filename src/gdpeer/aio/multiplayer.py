"""A `SceneTree` that runs within asyncio.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gdpeer import fronts as front
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.aio.tasks import TreeTasks
from gdpeer.arguments import INT, STR, a, checked
from gdpeer.errors import Error, TransportError
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.rpc.async_methods import use_tasks
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["multiplayer_client", "multiplayer_server"]

LONGEST = 0.1
"""Seconds between two polls at most: what has a deadline of its own, authentication say, is no earlier noticed."""

_TREE = a("a SceneTree", SceneTree)

GRACE = 2.0
"""Seconds that the others have to answer the close, and before that the tree's own tasks to end."""


@checked(tree=_TREE, port=INT, bind_address=STR)
@asynccontextmanager
async def multiplayer_server(
    tree: SceneTree,
    port: int = 0,
    bind_address: str = "*",
    tls_server_options: TLSOptions | None = None,
    **settings: Any,
) -> AsyncIterator[WebSocketMultiplayerPeer]:
    """Serve a tree, as its server, while the block runs; at its end everybody hears 1001.

    `@rpc` methods of its nodes may be async: each call is a task. At the end of the block they are cancelled.

    Args:
        tree: its `multiplayer` gets the peer. Do not poll it.
        port: 0: a free one, see `get_local_port()` of the peer.
        bind_address: "*" for all addresses, or one.
        tls_server_options: for `wss`.
        settings: of `WebSocketMultiplayerPeer`, `dialects` among them.

    Raises:
        TransportError: the port cannot be opened.
    """
    peer = _make_peer(settings)
    error = peer.create_server(port, bind_address, tls_server_options)
    if error is not Error.OK:
        raise TransportError(peer.get_listen_error() or error.name, error=error)
    async with _running(tree, peer):
        yield peer


@checked(tree=_TREE, url=STR)
@asynccontextmanager
async def multiplayer_client(
    tree: SceneTree, url: str, tls_client_options: TLSOptions | None = None, **settings: Any
) -> AsyncIterator[WebSocketMultiplayerPeer]:
    """Join a server, as its client, while the block runs, which begins when the server has told this end's id.

    `@rpc` methods may be async, as with `multiplayer_server`.

    Args:
        tree: its `multiplayer` gets the peer. Do not poll it.
        url: where to.
        tls_client_options: for `wss`.
        settings: of `WebSocketMultiplayerPeer`, `dialects` among them.

    Raises:
        ValueError: the URL is not valid.
        TransportError, HandshakeError: it could not join.
    """
    peer = _make_peer(settings)
    error = peer.create_client(url, tls_client_options)
    if error is Error.ERR_INVALID_PARAMETER:
        raise ValueError(peer.get_close_cause().detail)
    if error is not Error.OK:
        raise front.not_open_error(peer.get_close_cause())
    async with _running(tree, peer) as driver:
        await driver.when(lambda: peer.get_connection_status() is not ConnectionStatus.CONNECTING)
        if peer.get_connection_status() is ConnectionStatus.DISCONNECTED:
            raise front.not_open_error(peer.get_close_cause())
        yield peer


def _make_peer(settings: dict[str, Any]) -> WebSocketMultiplayerPeer:
    peer = WebSocketMultiplayerPeer(settings.pop("dialects", ("godot4",)))
    for name, value in settings.items():
        if name.startswith("_") or not hasattr(peer, name):
            raise TypeError(f"unknown setting {name!r}")
        setattr(peer, name, value)
    return peer


@asynccontextmanager
async def _running(tree: SceneTree, peer: WebSocketMultiplayerPeer) -> AsyncIterator[LoopDriver]:
    tree.multiplayer.multiplayer_peer = peer

    def poll() -> None:
        peer.poll() if is_leaving else tree.poll()
        peer.watch()

    is_leaving = False
    tasks = TreeTasks()
    before = use_tasks(tree, tasks)
    driver = LoopDriver(poll, peer.poll_turn, lambda: None, LONGEST)
    driver.run()
    try:
        yield driver
    finally:
        is_leaving = True
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
    """Close, and wait for the answers."""
    have_answered = driver.when(peer.begin_to_leave())
    driver.run()
    await have_answered
