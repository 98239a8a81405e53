"""A server that keeps places, and clients that behave as engines do: they complain of what an engine complains of.

A client that comes back has forgotten everything, as an engine has. Nodes stay, so a synchronizer still knows the last
counter that it took. Only nodes that others have spawned are freed, at the end of a frame, which is a poll.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gdpeer import SceneMultiplayer, SceneTree
from gdpeer.errors import PacketError
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer
from gdpeer.multiplayer.wire.godot4 import (
    AddPeer,
    ConfirmPath,
    DelPeer,
    Raw,
    Relay,
    RemoteCall,
    SimplifyPath,
    parse,
    relay_packet,
)
from gdpeer.multiplayer.wire.parts import PATH_FOLLOWS
from gdpeer.multiplayer.wire.replication import Delta, Spawn, Sync
from gdpeer.rooms.resume.resume import Resume

CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"
Heard = tuple[int, str, str]


class Client:
    """A client of the model.

    Attributes:
        errors: what an engine would complain of.
        heard: calls and packets: the sender, the path of the node ("": a packet of the game), and the text.
        signals: ("add" or "del", peer).
        taken: (sender, path): the last counter of SYNC that was taken.
        ignored: SYNC elements that were taken for old ones.
        units: nodes that others have spawned: by name, who has spawned the node.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.id = 0
        self.errors: list[str] = []
        self.heard: list[Heard] = []
        self.signals: list[tuple[str, int]] = []
        self.taken: dict[tuple[int, str], int] = {}
        self.synced: list[tuple[int, str, str]] = []
        self.ignored = 0
        self.connect()

    def connect(self) -> None:
        self.peer = self.server.peer.join()
        if self.id:
            self.peer._id = self.id
        self.id = self.peer._id
        self.peer.poll()
        self.is_here = True
        self.others: set[int] = set()
        self.numbers: dict[str, int] = {}
        self.told: set[tuple[int, int]] = set()
        self.confirmed: set[tuple[int, int]] = set()
        self.known: dict[int, dict[int, str]] = defaultdict(dict)
        self.counters: dict[int, int] = defaultdict(int)
        self.units: dict[str, int] = {}
        self.freed: list[str] = []

    def send(self, target: int, data: bytes) -> None:
        self.peer.put_packet_to((1,), relay_packet(target, data))

    def tell(self, target: int, path: str) -> int:
        number = self.numbers.setdefault(path, len(self.numbers) + 1)
        if (target, number) not in self.told:
            self.told.add((target, number))
            self.send(target, SimplifyPath(CHECKSUM, number, path).encode())
        return number

    def call(self, target: int, path: str, text: str) -> None:
        number = self.tell(target, path)
        by_path = None if (target, number) in self.confirmed else path
        self.send(target, RemoteCall(0 if by_path else number, 0, (text,), by_path).encode())

    def spawn(self, target: int, name: str) -> None:
        number = self.tell(target, "Spawner")
        self.send(target, Spawn(0, number, 1, (), name, None, b"").encode())

    def sync(self, target: int, path: str, text: str, is_delta: bool) -> bool:
        """Sends the values of a synchronizer; returns whether the target knows its path."""
        number = self.tell(target, path)
        self.counters[target] += not is_delta
        if (target, number) not in self.confirmed:
            return False
        mark, values = PATH_FOLLOWS | number, text.encode()
        packet = Delta(((mark, 1, values),)) if is_delta else Sync(self.counters[target], ((mark, values),))
        self.send(target, packet.encode())
        return True

    # ------------------------------------------------------------------------------------------ receiving

    def poll(self) -> None:
        self.peer.poll()
        while self.peer.get_available_packet_count():
            self.receive(parse(self.peer.get_packet()))
        for name in self.freed:
            self.units.pop(name, None)
        self.freed.clear()

    def receive(self, packet: Any) -> None:
        if isinstance(packet, AddPeer):
            if packet.peer_id in self.others:
                self.errors.append("ADD_PEER of a peer that is there")
            self.others.add(packet.peer_id)
            self.signals.append(("add", packet.peer_id))
        elif isinstance(packet, DelPeer):
            self.forget(packet.peer_id)
            self.signals.append(("del", packet.peer_id))
        elif isinstance(packet, Relay):
            if packet.peer_id not in self.others:
                self.errors.append(f"a packet of {packet.peer_id}, who is not there")
            try:
                self.receive_of(packet.peer_id, parse(packet.data))
            except (PacketError, IndexError, UnicodeDecodeError) as problem:
                self.errors.append(f"a damaged packet: {problem}")

    def forget(self, peer_id: int) -> None:
        self.others.discard(peer_id)
        self.known.pop(peer_id, None)
        self.counters.pop(peer_id, None)
        self.told = {one for one in self.told if one[0] != peer_id}
        self.confirmed = {one for one in self.confirmed if one[0] != peer_id}
        self.freed += [name for name, source in self.units.items() if source == peer_id]

    def receive_of(self, source: int, packet: Any) -> None:
        if isinstance(packet, SimplifyPath):
            known = self.known[source]
            if known.get(packet.cache_id, packet.path) != packet.path:
                self.errors.append(f"number {packet.cache_id} of {source} is taken")
                return
            known[packet.cache_id] = packet.path
            self.send(source, ConfirmPath(True, packet.cache_id).encode())
        elif isinstance(packet, ConfirmPath):
            assert packet.cache_id is not None
            if (source, packet.cache_id) not in self.told:
                self.errors.append(f"an answer of {source} to {packet.cache_id}, which was not told")
                return
            self.confirmed.add((source, packet.cache_id))
        elif isinstance(packet, Raw):
            self.heard.append((source, "", packet.data.decode()))
        elif isinstance(packet, RemoteCall):
            path = packet.path if packet.path is not None else self.known[source].get(packet.node_id)
            if path is None:
                self.errors.append(f"a call of number {packet.node_id} of {source}, which is not known")
            else:
                self.heard.append((source, path, str(packet.arguments[0])))
        elif isinstance(packet, Spawn):
            if packet.name in self.units:
                self.errors.append(f"a SPAWN of {packet.name}, which is there")
                return
            self.units[packet.name] = source
        elif isinstance(packet, Sync | Delta):
            self.receive_values(source, packet)

    def receive_values(self, source: int, packet: Sync | Delta) -> None:
        for element in packet.elements:
            path = self.known[source].get(element[0] & ~PATH_FOLLOWS)
            if path is None:
                continue  # the engine ignores these without a word
            if isinstance(packet, Sync):
                last = self.taken.get((source, path))
                if last is not None and packet.counter <= last and last - packet.counter < 32_767:
                    self.ignored += 1
                    continue
                self.taken[source, path] = packet.counter
            self.synced.append((source, path, element[-1].decode()))


class Keeper:
    """Keeps every place, and notes who is away and back."""

    def __init__(self, resume: Resume, news: list[tuple[Any, ...]]) -> None:
        self.resume = resume
        self.news = news

    def joined(self, peer_id: int) -> None:
        pass

    def keeps(self, peer_id: int) -> bool:
        return True

    def lost(self, peer_id: int) -> None:
        self.news.append(("away", peer_id))

    def returned(self, peer_id: int) -> None:
        """Is followed by `caught_up`."""

    def caught_up(self, peer_id: int) -> None:
        self.news.append(("back", peer_id, self.resume.has_missed(peer_id)))

    def failed(self, peer_id: int) -> None:
        pass

    def gone(self, peer_id: int) -> None:
        pass


class Server:
    """A server of gdpeer in memory that keeps every place."""

    def __init__(self, clients: int = 0, *, is_silent: bool = True, queues: bool = True) -> None:
        self.tree = SceneTree()
        self.api: SceneMultiplayer = self.tree.multiplayer
        self.peer = LoopbackMultiplayerPeer()
        self.api.multiplayer_peer = self.peer
        self.resume = Resume(is_silent=is_silent, queues=queues)
        self.news: list[tuple[Any, ...]] = []
        self.api.resumption = self.resume
        self.api.keeper = Keeper(self.resume, self.news)
        for signal in (self.api.peer_connected, self.api.peer_disconnected):
            signal.connect(lambda peer_id, name=signal.name: self.news.append((name, peer_id)))
        self.clients: list[Client] = []
        for _ in range(clients):
            self.join()

    def join(self) -> Client:
        client = Client(self)
        self.clients.append(client)
        self.settle()
        return client

    def cut(self, client: Client) -> list[Heard]:
        """Ends a connection; returns the calls and packets on their way to the client, which are lost."""
        lost = [packet for _, packet in client.peer._events if isinstance(packet, bytes)]
        client.peer.close()
        client.is_here = False
        self.tree.poll()
        return [heard for data in lost if (heard := text_of(parse(data))) is not None]

    def settle(self) -> None:
        """Polls until all has arrived."""
        for _ in range(6):
            self.tree.poll()
            for client in self.clients:
                if client.is_here:
                    client.poll()


def text_of(packet: Any) -> Heard | None:
    """Returns what a packet says, with an unknown path as ""; None for a packet that says nothing."""
    if isinstance(packet, Relay):
        try:
            inner = parse(packet.data)
        except PacketError:
            return None
        if isinstance(inner, Raw):
            return packet.peer_id, "", inner.data.decode()
        if isinstance(inner, RemoteCall):
            return packet.peer_id, inner.path or "", str(inner.arguments[0])
    return None
