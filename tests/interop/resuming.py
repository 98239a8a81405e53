"""Engines in a room: the lines of docs/resume.md keep them in it, whatever happens to their connections."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from gdpeer import (
    OK,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
    Vector2,
    rpc,
)
from gdpeer.rooms import Hall, LeaveReason, Place, Room
from gdpeer.websocket._peer import backend_of
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import Game
from tests.support.engines import Engine, Program
from tests.support.pages import program

HERE = Path(__file__).parent
FRAMES = 3
"""The most frames that values of the other side take."""
FOREVER = 120
"""Frames after which the engines stop waiting for values."""
SENT_TOO_LATE = 'Condition "ready_state != STATE_OPEN" is true. Returning: FAILED'
"""What an engine says of each further packet in the frame in which it has noticed by sending that it is cut off."""
CODE = "K7Q2MN"
PAGE_URL = f"ws://127.0.0.1:8910/room/{CODE}"


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

    def __init__(self, owner: int, spawned_by: int) -> None:
        super().__init__(f"Unit{owner}")
        self.position = Vector2()
        self.rotation = self.skew = 0.0
        self.z_index = 0
        self.add_child(synchronizer("Sync", "position", "rotation", spawned_by))
        self.add_child(synchronizer("Input", "skew", "z_index", owner if owner > 99 else spawned_by))


class Game4(Node):
    """The server's counterpart of main.gd."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.one, self.two, self.nest = Part("One"), Part("Two"), Node("Nest")
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = ".."
        self.spawner.spawn_function = lambda owner: Unit(owner, self.spawner.get_multiplayer_authority())
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


class Table(Room):
    """A room with the game; notes who is away, back and gone."""

    has_nodes = True
    grace = 30.0

    def on_create(self, options: Any) -> None:
        self.game: Any = self.make_game()
        self.news: list[tuple[Any, ...]] = []
        if self.has_nodes:
            self.tree.root.add_child(self.game)

    def make_game(self) -> Node:
        return Game4()

    def on_away(self, place: Place) -> None:
        self.news.append(("away", place.peer_id))

    def on_return(self, place: Place) -> None:
        self.news.append(("back", place.peer_id, place.missed))

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        self.news.append(("gone", place.peer_id, why))


class Game3(Node):
    """The server's counterpart of the main.gd for Godot 3."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[int] = []

    @rpc("any_peer")
    def up(self, number: int) -> None:
        self.heard.append(self.multiplayer.get_remote_sender_id())

    @rpc("any_peer")
    def down(self, text: str) -> None:
        """For the engines alone."""

    @rpc("any_peer")
    def ping(self, number: int) -> None:
        """For the engines alone."""


class OldTable(Table):
    """The same for Godot 3."""

    dialect = "godot3"

    def make_game(self) -> Node:
        return Game3()


class Cable:
    """Carries the connections of one player to the server.

    Attributes:
        url: the room's, by this cable.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = parts.hostname, parts.port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.url = url.replace(str(parts.port), str(self._listening.getsockname()[1]))
        self._ends: list[tuple[socket.socket, socket.socket]] = []
        self._open: list[socket.socket] = [self._listening]

    def poll(self) -> None:
        """Moves what there is, without waiting."""
        with suppress(BlockingIOError):
            client, _ = self._listening.accept()
            server = socket.create_connection(self._server)
            self._open += (client, server)
            self._ends.append((client, server))
        self._ends = [ends for ends in self._ends if self._carries(*ends)]

    def _carries(self, client: socket.socket, server: socket.socket) -> bool:
        """Moves what there is on one connection; ends both ends if one has ended, and returns whether they go on."""
        try:
            for source, target in ((client, server), (server, client)):
                with suppress(BlockingIOError):
                    source.setblocking(False)
                    data = source.recv(65_536)
                    if not data:
                        raise ConnectionAbortedError
                    target.setblocking(True)
                    target.sendall(data)
        except ConnectionError:
            client.close()
            server.close()
            return False
        return True

    def pull(self) -> None:
        """Breaks the connections for the player. The server notices nothing."""
        for client, _ in self._ends:
            client.close()
        self._ends.clear()

    def close(self) -> None:
        for one in self._open:
            one.close()


class Polled(Protocol):
    """What has to be polled with a hall."""

    def poll(self) -> None: ...


class House:
    """A hall with one room, of which class attributes can be set.

    Attributes:
        cable: of one player; None: there is none.
        polled: what is polled with the hall.
    """

    def __init__(self, kind: type[Table] = Table, **attributes: Any) -> None:
        self.hall = Hall([type("Table", (kind,), attributes)])
        assert self.hall.listen(0, "127.0.0.1") is OK
        self.room: Any = self.hall.create("table", code=CODE)
        self.cable: Cable | None = None
        self.polled: list[Polled] = []
        self.url = f"ws://127.0.0.1:{self.hall.server.get_local_port()}/room/{CODE}"

    @property
    def game(self) -> Any:
        return self.room.game

    @property
    def news(self) -> list[tuple[Any, ...]]:
        news: list[tuple[Any, ...]] = self.room.news
        return news

    def poll(self, timeout: float = 0.0) -> None:
        for one in self.polled:
            one.poll()
        self.hall.poll(0.0 if self.polled else timeout)

    def lay_cable(self) -> str:
        """Returns another URL of the room, by a cable that can be pulled."""
        self.cable = Cable(self.url)
        self.polled.append(self.cable)
        return self.cable.url

    def cut(self, peer_id: int) -> None:
        """Ends a connection as if its cable was pulled."""
        connection = self.room.places[peer_id].connection
        backend_of(connection).abort("the cable was pulled")

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.hall.close()
        if self.cable is not None:
            self.cable.close()


class Player(Game):
    """An engine in the room.

    Attributes:
        id: its peer id.
    """

    def __init__(self, engine: Program, room: House) -> None:
        super().__init__(engine)
        self.room = room
        self.joins = self.losses = 0
        self.old_errors = 0
        self.wait_for_join()

    def wait_for_join(self) -> None:
        """Waits until the engine has connected once more."""
        self.joins += 1
        until(lambda: len(self.engine.all("connected")) >= self.joins, self.room, patience=30.0)
        self.id = self.engine.all("connected")[-1]["id"]

    def wait_for_loss(self) -> None:
        """Waits until the engine has noticed once more that its connection is lost."""
        self.losses += 1
        until(lambda: len(self.engine.all("server_disconnected")) >= self.losses, self.room, patience=30.0)

    def forget_errors(self) -> None:
        """Forgets what the engine has complained of so far."""
        self.old_errors = len(self.errors)

    def complaints(self) -> list[str]:
        """What the engine has complained of since `forget_errors`, but for sending at the moment of a cut."""
        new = self.errors[self.old_errors :]
        return [line for line in new if not (self.losses and line.endswith(SENT_TOO_LATE))]

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


def introduce(room: House, ann: Player, bob: Player) -> None:
    """Has both sides share the nodes out, tell each other all numbers, and send each other values for a second."""
    for one, other, mine in ((ann, bob, "One"), (bob, ann, "Two")):
        one.see("peer_connected", room, id=other.id)
        one.run(f'share("{mine}", {other.id})')
    room.game.share(ann.id, bob.id)
    for number in range(2):
        for one, other in ((ann, bob), (bob, ann)):
            one.run(f'call_all(["One", "Two"], {other.id}, "first {number}")')
            other.wait_for_pings(("One", f"first {number}"), ("Two", f"first {number}"))
    until_in_step(room, ann, bob)
    for one in (ann, bob):
        one.forget_errors()  # one side shares the nodes out first, and the other side complains of its values


def until_in_step(room: House, *players: Player) -> None:
    """Waits until each side gets the other's values, and until many were sent."""
    until(lambda: all(int(one.run("seen.tick")) > 100 for one in players), room)


def come_back(room: House, bob: Player) -> None:
    before = bob.id
    room.cut(bob.id)
    bob.wait_for_loss()
    bob.wait_for_join()
    assert bob.id == before


def exchange(room: House, ann: Player, bob: Player, text: str) -> None:
    """Calls in both directions; the returned one names its nodes in the other order."""
    bob.run(f'call_all(["Two", "One"], {ann.id}, "{text}")')
    ann.run(f'call_all(["One", "Two"], {bob.id}, "{text}")')
    for one in (ann, bob):
        one.wait_for_pings(("One", text), ("Two", text))


def frames_until_right(room: House, ann: Player, bob: Player, value: int) -> list[int]:
    """How many frames the values of each take to be right at the other, once the other was told."""
    for one, other in ((ann, bob), (bob, ann)):
        one.run(f"set_and_mark({other.id}, {value})")
    return [one.see("marked", room, value=value)["frames"] for one in (ann, bob)]


def make_project(folder: Path, url: str, version: str = "4", reuse: bool = False, relays: bool = True) -> Path:
    """Returns a project with the script of the page, for a room at `url`."""
    project = folder / f"project{len(list(folder.iterdir()))}"
    shutil.copytree(HERE / f"resume_godot{version}", project)
    text = program(f"resume/godot{version}/online.gd").read_text()
    assert PAGE_URL in text
    text = text.replace(PAGE_URL, url)
    if reuse:
        text = text.replace("var wait := 0.5", "var wait := 0.5\nvar peer := WebSocketMultiplayerPeer.new()")
        text = text.replace("\tvar peer := WebSocketMultiplayerPeer.new()\n", "")
    if not relays:
        text = text.replace("\tjoin()\n", "\tmultiplayer.server_relay = false\n\tjoin()\n", 1)
    (project / "online.gd").write_text(text)
    return project
