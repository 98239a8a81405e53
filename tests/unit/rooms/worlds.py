"""A hall and its players in one process, in memory: only the test moves the clock."""

from __future__ import annotations

from typing import Any

from gdpeer import OK, Node, SceneTree, WebSocketMultiplayerPeer, rpc
from gdpeer.clock import ManualClock
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.rooms import Hall, Place, Room
from gdpeer.transport.memory import memory_pair

KEY = "0123456789abcdefABCDEF"
WALL = 1_800_000_000.0
SECRET = b"s" * 32


class Main(Node):
    """The node of rooms and players: notes what is called, and answers."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[tuple[Any, ...]] = []
        self.log = self.heard
        self.room: Room | None = None

    @rpc("any_peer")
    def ask(self, number: int) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.heard.append(("ask", sender, number))
        if self.multiplayer.is_server():
            self.answer.rpc_id(sender, number)

    @rpc
    def answer(self, number: int) -> None:
        self.heard.append(("answer", number))

    @rpc("any_peer")
    def shout(self, text: str) -> None:
        self.heard.append(("shout", self.multiplayer.get_remote_sender_id(), text))


class Arena(Room):
    """Notes its hooks in `log`."""

    kind = "arena"

    def on_create(self, options: Any) -> Any:
        self.log: list[tuple[Any, ...]] = []
        self.main = Main()
        self.tree.root.add_child(self.main)

    def on_join(self, place: Place) -> None:
        self.log.append(("join", place.peer_id))

    def on_away(self, place: Place) -> float | None:
        self.log.append(("away", place.peer_id))
        return None

    def on_return(self, place: Place) -> None:
        self.log.append(("return", place.peer_id))

    def on_leave(self, place: Place, why: Any) -> None:
        self.log.append(("leave", place.peer_id, why.name))

    def on_dispose(self) -> None:
        self.log.append(("dispose",))


class Player:
    """A game of a player: a tree with a Main, and a connection."""

    def __init__(self, world: World, target: str) -> None:
        self.world = world
        self.target = target
        self.peer = WebSocketMultiplayerPeer(clock=world.clock)
        self.peer.handshake_timeout = world.patience
        theirs, ours = memory_pair(clock=world.clock)
        world.hall.server.take_stream(theirs)
        assert self.peer.connect_through(ours, f"ws://localhost{target}") is OK
        self.tree = SceneTree()
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.tree.multiplayer.multiplayer_peer = self.peer
        self.signals: list[tuple[str, int]] = []
        self.tree.multiplayer.peer_connected.connect(lambda peer_id: self.signals.append(("came", peer_id)))
        self.tree.multiplayer.peer_disconnected.connect(lambda peer_id: self.signals.append(("gone", peer_id)))
        world.players.append(self)

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    @property
    def is_in(self) -> bool:
        return self.peer.get_connection_status() is ConnectionStatus.CONNECTED

    @property
    def status(self) -> int:
        """The HTTP status with which the player was refused; 0: not refused."""
        return self.peer.get_close_cause().status

    @property
    def close_code(self) -> int:
        assert self.connection is not None
        return self.connection.get_close_code()

    @property
    def connection(self) -> Any:
        client = self.peer._client
        return None if client is None else client.get_peer(1)

    def pull(self) -> None:
        """The cable is pulled, and the server notices at once."""
        self.connection.close(-1)
        self.world.run()

    def leave(self) -> None:
        """The player leaves, with code 1000."""
        self.connection.close(1000)
        self.world.run()

    def ask(self, number: int = 1) -> bool:
        """Calls the server; returns whether the answer came."""
        self.main.ask.rpc_id(1, number)
        self.world.run()
        return ("answer", number) in self.main.heard


class World:
    """A hall on a clock that only the test moves, and its players."""

    def __init__(self, *kinds: Any, **options: Any) -> None:
        self.clock: ManualClock = options.pop("clock", None) or ManualClock(100.0)
        options.setdefault("secret", SECRET)
        self.hall = Hall(kinds or (Arena,), clock=self.clock, wall=lambda: WALL + self.clock.now() - 100.0, **options)
        self.players: list[Player] = []
        self.patience = 3.0

    def make(self, kind: str = "arena", options: Any = None, **arguments: Any) -> Any:
        return self.hall.create(kind, options, **arguments)

    def join(self, room: Room, key: str = KEY, **query: str) -> Player:
        """Has a player connect with a session key; "": without one."""
        parts = [f"session={key}"] if key else []
        parts += [f"{name}={value}" for name, value in query.items()]
        return self.go(f"/room/{room.code}{'?' if parts else ''}{'&'.join(parts)}")

    def go(self, target: str) -> Player:
        player = Player(self, target)
        self.run()
        return player

    def run(self, rounds: int = 12) -> None:
        for _ in range(rounds):
            self.hall.poll()
            for player in self.players:
                player.tree.poll()

    def wait(self, seconds: float, step: float = 0.0) -> None:
        """Lets time pass, in steps."""
        left = seconds
        while left > 1e-9:
            part = min(step or seconds, left)
            self.clock.advance(part)
            left -= part
            self.run(3)
