"""Engines in a room: the lines of docs/resume.md keep them in it, whatever happens to their connections."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gdpeer import (
    OK,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
    SceneTree,
    Vector2,
    WebSocketServer,
    rpc,
)
from gdpeer.http.response import Response
from gdpeer.ids import generate_unique_id
from gdpeer.multiplayer.websocket_peer import SessionPeer
from gdpeer.protocol.http_headers import Request
from gdpeer.refusals import Refusals
from gdpeer.rooms.resume.resume import Resume
from gdpeer.websocket._peer import backend_of
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.session.dialects import GODOT4
from gdpeer.websocket.session.placement import Placement
from gdpeer.websocket.session.server import News, ServerSession
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import Game
from tests.support.engines import Engine
from tests.support.pages import program
from tests.support.resuming import Keeper

HERE = Path(__file__).parent


def synchronizer(name: str, always: str, on_change: str, owner: int) -> MultiplayerSynchronizer:
    sync = MultiplayerSynchronizer(name)
    sync.replication_config = config = SceneReplicationConfig()
    config.add_property(f".:{always}")
    config.add_property(f".:{on_change}")
    config.property_set_replication_mode(f".:{on_change}", ReplicationMode.ON_CHANGE)
    sync.set_multiplayer_authority(owner)
    return sync


class Part(Node):
    """The server's counterpart of part.gd."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tick = self.mood = 0
        self.sync = synchronizer("Sync", "tick", "mood", 1)
        self.add_child(self.sync)
        self.heard: list[tuple[int, str]] = []

    @rpc("any_peer")
    def ping(self, text: str) -> None:
        self.heard.append((self.multiplayer.get_remote_sender_id(), text))


class Unit(Node):
    """The server's counterpart of a unit in nest.gd."""

    def __init__(self, owner: int) -> None:
        super().__init__(f"Unit{owner}")
        self.position = Vector2()
        self.rotation = self.skew = 0.0
        self.z_index = 0
        self.add_child(synchronizer("Sync", "position", "rotation", 1))
        self.add_child(synchronizer("Input", "skew", "z_index", owner if owner > 99 else 1))


class Game4(Node):
    """The server's counterpart of main.gd."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.one, self.two, self.nest = Part("One"), Part("Two"), Node("Nest")
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = ".."
        self.spawner.spawn_function = Unit
        self.nest.add_child(self.spawner)
        for child in (self.one, self.two, self.nest):
            self.add_child(child)

    @rpc("any_peer")
    def mark(self, value: int) -> None:
        """For the engines alone."""

    def share(self, one: int, two: int) -> None:
        self.one.sync.set_multiplayer_authority(one)
        self.two.sync.set_multiplayer_authority(two)

    def unit(self, owner: int) -> Any:
        return self.nest.get_node(f"Unit{owner}")

    def units(self) -> dict[str, list[float]]:
        """The same as `units` in nest.gd, as JSON."""
        return {
            one.name: [one.position.x, round(one.rotation, 2), round(one.skew, 2), one.z_index]
            for one in self.nest.get_children()
            if isinstance(one, Unit)
        }


class Port(SessionPeer):
    """A server on which each session key has its id."""

    def __init__(self) -> None:
        super().__init__()
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        self.server.use_placer(self)
        self._session = self.session = ServerSession(
            self, lambda peer: GODOT4, News(self.peer_connected, self.peer_disconnected)
        )
        self.keys: dict[int, str] = {}
        self.ids: dict[str, int] = {}
        assert self.server.listen(0) is OK

    def admit(self, number: int, request: Request) -> Response | None:
        self.keys[number] = parse_qs(urlsplit(request.target).query)["session"][0]
        return None

    def answer_later(self, answer: Any, answered: Any) -> None:
        raise NotImplementedError

    def place(self, number: int, peer: WebSocketPeer) -> Placement:
        return Placement(self.session, self.ids.setdefault(self.keys.pop(number), generate_unique_id()))

    def forget(self, number: int) -> None:
        self.keys.pop(number, None)

    def poll_turn(self) -> Turn:
        return self.server.poll_turn()

    def serves(self, session: ServerSession) -> bool:
        return True

    def refusals_of(self, peer_id: int) -> Refusals:
        return Refusals()

    def poll(self, timeout: float = 0.0) -> None:
        self.server.poll(timeout)

    def close(self) -> None:
        self.server.stop()

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        self._disconnect(self.session, peer_id, force)


class House:
    """A room with a port of its own."""

    def __init__(self, has_nodes: bool = True, **settings: bool) -> None:
        self.port = Port()
        self.resume = Resume(**settings)
        self.news: list[tuple[Any, ...]] = []
        self.api = SceneMultiplayer()
        self.tree = SceneTree(self.api)
        self.game = Game4()
        if has_nodes:
            self.tree.root.add_child(self.game)
        self.api.multiplayer_peer = self.port
        self.api.keeper = Keeper(self.resume, self.news)
        self.api.resumption = self.resume
        self.url = f"ws://127.0.0.1:{self.port.server.get_local_port()}/room/K7Q2MN"

    def poll(self, timeout: float = 0.0) -> None:
        self.tree.poll(timeout)

    def cut(self, peer_id: int) -> None:
        """Ends a connection as if its cable was pulled."""
        peer = self.port.session.peer(peer_id)
        assert peer is not None
        backend_of(peer).abort("the cable was pulled")

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()


class Player(Game):
    """An engine in the room.

    Attributes:
        id: its peer id.
    """

    def __init__(self, engine: Engine, room: House) -> None:
        super().__init__(engine)
        self.room = room
        self.joins = 0
        self.wait_for_join()

    def wait_for_join(self) -> None:
        """Waits until the engine has connected once more."""
        self.joins += 1
        until(lambda: len(self.engine.all("connected")) >= self.joins, self.room, patience=30.0)
        self.id = self.engine.all("connected")[-1]["id"]

    def run(self, expression: str) -> str:
        return self.do(expression, self.room)

    def pings(self) -> list[tuple[str, str]]:
        """Where it was called, and the texts."""
        return [(event["at"], event["text"]) for event in self.engine.all("ping")]

    def units(self) -> dict[str, list[float]]:
        return dict(json.loads(json.loads(self.run('get_node("Nest").units()'))))

    def wait_for_pings(self, *pings: tuple[str, str]) -> None:
        until(lambda: not set(pings) - set(self.pings()), self.room)

    def signals(self) -> list[str]:
        return [
            event["event"] for event in self.engine.events if event["event"] in ("peer_connected", "peer_disconnected")
        ]


@contextmanager
def player(project: Path, room: House) -> Iterator[Player]:
    with Engine("4", project, "main.tscn") as engine:
        yield Player(engine, room)


def make_project(folder: Path, url: str, reuse: bool = False) -> Path:
    """Returns a project with the script of the page, for a room at `url`."""
    project = folder / "project"
    shutil.copytree(HERE / "resume_godot4", project)
    text = program("resume/godot4/online.gd").read_text()
    assert "ws://127.0.0.1:8910/room/K7Q2MN" in text
    text = text.replace("ws://127.0.0.1:8910/room/K7Q2MN", url)
    if reuse:
        text = text.replace("var wait := 0.5", "var wait := 0.5\nvar peer := WebSocketMultiplayerPeer.new()")
        text = text.replace("\tvar peer := WebSocketMultiplayerPeer.new()\n", "")
    (project / "online.gd").write_text(text)
    return project
