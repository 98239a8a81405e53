"""Trees that are joined by loopback peers, for the tests of what goes on between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node, SceneTree

Heard = tuple[Any, ...]


class Main(Node):
    """Tells what was called."""

    def __init__(self, name: str = "Main") -> None:
        super().__init__(name)
        self.heard: list[Heard] = []

    def hear(self, *what: Any) -> None:
        self.heard.append((self.multiplayer.get_remote_sender_id(), *what))

    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.hear("say", text)

    @rpc("any_peer", "call_local")
    def shout(self, text: str) -> None:
        self.hear("shout", text)

    @rpc("authority", "call_local", "reliable")
    def decree(self, *words: Any) -> None:
        self.hear("decree", *words)

    @rpc("any_peer", "call_local")
    def fail(self) -> None:
        self.hear("fail")
        raise RuntimeError("a mistake of the game")

    def take(self) -> list[Heard]:
        heard, self.heard = self.heard, []
        return heard


class Side:
    """One process: a tree with a Main, its API and its peer."""

    def __init__(self, peer: LoopbackMultiplayerPeer, api: SceneMultiplayer | None = None) -> None:
        self.peer = peer
        self.tree = SceneTree(api)
        self.api = self.tree.multiplayer
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.signals: list[tuple[Any, ...]] = []
        self.sent: list[tuple[list[int], bytes]] = []
        for signal in (
            self.api.peer_connected,
            self.api.peer_disconnected,
            self.api.connected_to_server,
            self.api.connection_failed,
            self.api.server_disconnected,
            self.api.peer_packet,
            self.api.peer_authenticating,
            self.api.peer_authentication_failed,
        ):
            signal.connect(self._note(signal.name))

    def _note(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.signals.append((name, *arguments))

    def start(self) -> None:
        self.api.multiplayer_peer = self.peer
        put = self.peer.put_packet_to

        def spy(peer_ids: Any, buffer: Any) -> Any:
            self.sent.append((list(peer_ids), bytes(buffer)))
            return put(peer_ids, buffer)

        self.peer.put_packet_to = spy  # type: ignore[method-assign]

    @property
    def id(self) -> int:
        return self.peer._id

    def take_signals(self) -> list[tuple[Any, ...]]:
        signals, self.signals = self.signals, []
        return signals

    def take_sent(self) -> list[tuple[list[int], bytes]]:
        sent, self.sent = self.sent, []
        return sent


class Session:
    """A server and some clients, all of them connected."""

    def __init__(self, clients: int = 1, make: Callable[[], SceneMultiplayer] = SceneMultiplayer) -> None:
        self.make = make
        self.server = Side(LoopbackMultiplayerPeer(), make())
        self.server.start()
        self.clients: list[Side] = []
        for _ in range(clients):
            self.join()
        self.run()
        for side in self.sides:
            side.take_signals()
            side.take_sent()

    @property
    def sides(self) -> list[Side]:
        return [self.server, *self.clients]

    def join(self) -> Side:
        client = Side(self.server.peer.join(), self.make())
        client.start()
        self.clients.append(client)
        return client

    def run(self, turns: int = 6) -> None:
        """Let everything arrive."""
        for _ in range(turns):
            for side in self.sides:
                side.tree.poll()
