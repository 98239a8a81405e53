"""`RelayedPaths`: what a server keeps back of the packets that clients send each other, because a receiver has no such
node.

A client knows the paths of its own synchronizers only, not which nodes the server shows to another client. It tells
a path to all, once. An engine that does not have the node yet drops the path, with an error, and never gets the values;
and it reports an error for each packet with values of a node that it no longer has. So the server passes a path on when
it has spawned the node for the receiver, and no values after it has removed the node there. When the receiver gets the
node again, the sender does not hear of it: then the server itself asks for values, and gives those that it has.

Layer: `multiplayer`; no I/O. Source: reference godot4-replication section 14, number 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from gdpeer.multiplayer.wire.godot4 import Command, SimplifyPath, parse
from gdpeer.multiplayer.wire.replication import Delta, Sync, parse_sync, path_based

__all__ = ["RelayedPaths"]

MOST = 1000
"""Most paths that are remembered for one client; the oldest gives way."""


class _Told:
    """One path.

    Attributes:
        path: the path.
        data: the packet that tells the path, if it was kept back; else empty.
        is_lost: the receiver has had the node, and has it no more.
    """

    __slots__ = ("data", "is_lost", "path")

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.is_lost = False


class RelayedPaths:
    """The paths that clients have told each other.

    Args:
        has: whether a peer has the node at a path, as far as this side knows.
    """

    def __init__(self, has: Callable[[int, str], bool]) -> None:
        self._has = has
        self._told: dict[int, dict[tuple[int, int], _Told]] = {}  # by receiver; by sender and number
        self._losses: dict[int, int] = {}  # how many paths of a receiver are lost

    def clear(self) -> None:
        """Forgets all paths."""
        self._told.clear()
        self._losses.clear()

    def forget_peer(self, peer_id: int) -> None:
        """Forgets the paths that a client was told, and those that it has told."""
        self._told.pop(peer_id, None)
        self._losses.pop(peer_id, None)
        for receiver, told in self._told.items():
            for key in [key for key in told if key[0] == peer_id]:
                self._drop(receiver, key)

    def _drop(self, receiver: int, key: tuple[int, int]) -> None:
        self._set_lost(receiver, self._told[receiver].pop(key), False)

    def _set_lost(self, receiver: int, told: _Told, is_lost: bool) -> None:
        if told.is_lost != is_lost:
            told.is_lost = is_lost
            self._losses[receiver] = self._losses.get(receiver, 0) + (1 if is_lost else -1)

    # ------------------------------------------------------------------------------------------ what is passed on

    def is_concerned(self, data: bytes) -> bool:
        """Whether `sort` has to see a packet: it tells a path or, while a path is lost, carries values."""
        command = data[0] & 7
        return command == Command.SIMPLIFY_PATH or (command == Command.SYNC and any(self._losses.values()))

    def sort(self, source: int, targets: Collection[int], data: bytes) -> Iterator[tuple[int, bytes]]:
        """Returns the targets that get a packet, each with the packet, which may be a shorter one.

        Raises:
            PacketError: the packet is damaged.
        """
        told = parse(data) if data[0] & 7 == Command.SIMPLIFY_PATH else None
        for target in targets:
            if isinstance(told, SimplifyPath):
                if self._note(target, source, told, data):
                    yield target, data
                continue
            rest = self._without_lost(target, source, data) if self._losses.get(target) else data
            if rest:
                yield target, rest

    def _note(self, target: int, source: int, told: SimplifyPath, data: bytes) -> bool:
        """Takes note of a path; returns whether to pass it on."""
        has = self._has(target, told.path)
        known = self._told.setdefault(target, {})
        key = source, told.cache_id
        if key in known:
            self._drop(target, key)
        elif len(known) >= MOST:
            self._drop(target, next(iter(known)))
        known[key] = _Told(told.path, b"" if has else data)
        return has

    def _without_lost(self, target: int, source: int, data: bytes) -> bytes:
        """Returns a packet without the values of nodes that a receiver has lost; empty if nothing is left."""
        packet = parse_sync(data)
        known = self._told[target]

        def is_kept(number: int) -> bool:
            path_number = path_based(number)
            told = None if path_number is None else known.get((source, path_number))
            return told is None or not told.is_lost

        if all(is_kept(one[0]) for one in packet.elements):
            return data
        rest: Sync | Delta
        if isinstance(packet, Sync):
            rest = Sync(packet.counter, tuple(one for one in packet.elements if is_kept(one[0])))
        else:
            rest = Delta(tuple(one for one in packet.elements if is_kept(one[0])))
        return rest.encode() if rest.elements else b""

    # ------------------------------------------------------------------------------------------ nodes

    def concerns(self, peer_id: int) -> bool:
        """Whether a client was told paths."""
        return bool(self._told.get(peer_id))

    def shown(self, peer_id: int, path: str) -> tuple[list[tuple[int, bytes]], list[tuple[int, int, str]]]:
        """Takes note that a client has the node at `path`.

        Returns:
            The packets to pass on now, each with the client that has sent the packet; and the paths that the client
            knows and had lost, as (client that has told the path, number, path).
        """
        due, again = [], []
        for (source, number), told in self._at(peer_id, path):
            if told.is_lost:
                again.append((source, number, told.path))
                self._set_lost(peer_id, told, False)
            if told.data:
                due.append((source, told.data))
                told.data = b""
        return due, again

    def hidden(self, peer_id: int, path: str) -> None:
        """Takes note that a client no longer has the node at `path`."""
        for _, told in self._at(peer_id, path):
            if not told.data:
                self._set_lost(peer_id, told, True)

    def _at(self, peer_id: int, path: str) -> Iterator[tuple[tuple[int, int], _Told]]:
        """Returns what a client was told of the node at `path`, and of those below it."""
        below = f"{path}/"
        for key, told in self._told.get(peer_id, {}).items():
            if told.path == path or told.path.startswith(below):
                yield key, told
