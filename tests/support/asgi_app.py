"""A FastAPI application with the chat, the roll game and an echo on its port: `uvicorn tests.support.asgi_app:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gdpeer import SceneTree, WebSocketPeer, WebSocketServer
from gdpeer.asgi import Multiplayer, Server
from gdpeer.demos.chat import PROTOCOL as CHAT
from gdpeer.demos.chat import ChatServer
from gdpeer.demos.roll import Game
from gdpeer.demos.roll.table import PROTOCOL as ROLL
from gdpeer.demos.roll.table import furnish


def show(*words: object) -> None:
    print(*words, flush=True)


chat = ChatServer(log=show)

tree, game = SceneTree(), Game()
furnish(tree, game)
tree.multiplayer.peer_connected.connect(game.welcome)
tree.multiplayer.peer_disconnected.connect(game.farewell)
roll = Multiplayer(tree, supported_protocols=[ROLL])

echo = WebSocketServer()


@echo.data_received.connect
def send_back(peer_id: int) -> None:
    peer = echo.peers[peer_id]
    packet = peer.get_packet()
    peer.send(packet, WebSocketPeer.WriteMode.TEXT if peer.was_string_packet() else WebSocketPeer.WriteMode.BINARY)


@echo.client_disconnected.connect
def show_end(peer_id: int, was_clean: bool) -> None:
    show("ended", was_clean, echo.peers[peer_id].get_close_code(), len(echo.peers) - 1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with roll.lifespan():
        show("begun")
        yield
    show("over")


app = FastAPI(lifespan=lifespan)
app.mount("/roll", roll)
app.mount("/chat", Server(chat.server, [CHAT]))
app.mount("/echo", Server(echo))


async def players() -> dict[str, int]:
    return {"roll": len(game.players), "echo": len(echo.peers)}


app.add_api_route("/players", players)
