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
from gdpeer.multiplayer.wire.replication import Delta, Sync, path_based

__all__ = ["RelayedPaths"]

MOST = 1000
"""Most paths that are remembered for one client; the oldest gives way."""
RENEW_AFTER = 0.25
"""Seconds until a client that sees a node again gets the values of the node's owner. In the frame in which an engine
loses a node and gets it again, the path still leads it to the old node.
"""
LATE = 10.0
"""Seconds for which packets may still arrive with the number of a node that the sender has no more."""


class _Told:
    """One path that a client was told.

    Attributes:
        path: the path.
        data: the packet that tells the path, if it was kept back; else empty.
        is_lost: the receiver has had the node, and has it no more.
        renew_at: when the receiver, which has a new node at the path, is to get all values; 0: never.
    """

    __slots__ = ("data", "is_lost", "path", "renew_at")

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.is_lost = False
        self.renew_at = 0.0


class _Receiver:
    """What one client was told.

    Attributes:
        told: the paths, by the client that has told the path and that client's number.
        losses: how many paths are lost.
    """

    __slots__ = ("losses", "told")

    def __init__(self) -> None:
        self.told: dict[tuple[int, int], _Told] = {}
        self.losses = 0

    def add(self, key: tuple[int, int], told: _Told) -> None:
        """Adds a path that a client was told."""
        self.drop(key)
        if len(self.told) >= MOST:
            self.drop(next(iter(self.told)))
        self.told[key] = told

    def drop(self, key: tuple[int, int]) -> None:
        """Forgets a path that a client was told."""
        told = self.told.pop(key, None)
        if told is not None:
            self.losses -= told.is_lost

    def forget(self, source: int) -> None:
        """Forgets the paths that a client has told."""
        for key in [key for key in self.told if key[0] == source]:
            self.drop(key)

    def below(self, path: str) -> Iterator[tuple[tuple[int, int], _Told]]:
        """Returns what was told of the node at `path`, and of those below it."""
        for key, told in self.told.items():
            if _is_at(told.path, path):
                yield key, told


def _is_at(path: str, above: str) -> bool:
    return path.startswith(above) and path[len(above) : len(above) + 1] in ("", "/")


class RelayedPaths:
    """The paths that clients have told each other.

    Args:
        has: whether a peer has the node at a path, as far as this side knows.
    """

    def __init__(self, has: Callable[[int, str], bool]) -> None:
        self._has = has
        self._receivers: dict[int, _Receiver] = {}
        self._renewals: dict[tuple[int, int, int], _Told] = {}
        self._numbers: dict[int, dict[str, int]] = {}  # by the client that has told the path, and the path
        self._losing: dict[int, None] = {}  # the receivers that may have lost paths
        self._dead: dict[tuple[int, int | None], float] = {}  # numbers whose node the sender lost; until when

    def clear(self) -> None:
        """Forgets all paths of all clients."""
        for kept in (self._receivers, self._renewals, self._numbers, self._losing, self._dead):
            kept.clear()

    def forget_peer(self, peer_id: int) -> None:
        """Forgets the paths that a client was told, and those that it has told."""
        self._receivers.pop(peer_id, None)
        self._numbers.pop(peer_id, None)
        self._losing.pop(peer_id, None)
        for other, receiver in self._receivers.items():
            receiver.forget(peer_id)
            self._note_losses(other, receiver)
        for key in [key for key in self._renewals if peer_id in key[:2]]:
            del self._renewals[key]
        for dead in [dead for dead in self._dead if dead[0] == peer_id]:  # a peer may come again with the same id
            del self._dead[dead]

    # ------------------------------------------------------------------------------------------ what is passed on

    def is_concerned(self, data: bytes) -> bool:
        """Whether `sort` has to see a packet: it tells a path or, while a path is lost, carries values."""
        command = data[0] & 7
        if command == Command.SYNC:
            return bool(self._dead or self._losing)
        return command == Command.SIMPLIFY_PATH

    def sort(self, source: int, targets: Collection[int], data: bytes) -> Iterator[tuple[int, bytes]]:
        """Returns the targets that get a packet, each with the packet, which may be a shorter one.

        Raises:
            PacketError: the packet is damaged.
        """
        packet = parse(data)
        for target in targets:
            receiver = self._receivers.get(target)
            if receiver is None:
                receiver = self._receivers[target] = _Receiver()
            rest = data
            if isinstance(packet, SimplifyPath):
                rest = self._told(target, receiver, source, packet, data)
            elif isinstance(packet, Sync | Delta) and (receiver.losses or self._dead):
                rest = self._without_lost(receiver, source, packet, data)
            if rest:
                yield target, rest

    def _told(self, target: int, receiver: _Receiver, source: int, packet: SimplifyPath, data: bytes) -> bytes:
        """Takes note of a path; returns the packet if it is to be passed on, else nothing."""
        numbers, number = self._numbers.setdefault(source, {}), packet.cache_id
        before = numbers.pop(packet.path, number)
        if before != number:  # the sender has another node there
            self._forget_number(source, before)
        if len(numbers) >= MOST:
            self._forget_number(source, numbers.pop(next(iter(numbers))))
        numbers[packet.path] = number
        has = self._has(target, packet.path)
        receiver.add((source, number), _Told(packet.path, b"" if has else data))
        return data if has else b""

    def told_again(self, source: int, target: int, packet: SimplifyPath) -> bool:
        """Takes note of a path that a client had told another before the other one lost all it knew.

        Returns:
            Whether to pass the path on now. If the receiver does not have the node yet, `shown` passes the path on.
        """
        receiver = self._receivers.setdefault(target, _Receiver())
        numbers = self._numbers.setdefault(source, {})
        if len(numbers) < MOST:
            numbers.setdefault(packet.path, packet.cache_id)
        has = self._has(target, packet.path)
        told = _Told(packet.path, b"" if has else packet.encode())
        receiver.add((source, packet.cache_id), told)
        if not has:  # the sender does not hear of it, so the values must be asked for
            told.is_lost = True
            receiver.losses += 1
            self._note_losses(target, receiver)
        return has

    def _note_losses(self, peer_id: int, receiver: _Receiver) -> None:
        if receiver.losses:
            self._losing[peer_id] = None
        else:
            self._losing.pop(peer_id, None)

    def _forget_number(self, source: int, number: int) -> None:
        for peer_id, receiver in self._receivers.items():
            receiver.drop((source, number))
            self._note_losses(peer_id, receiver)
            self._renewals.pop((peer_id, source, number), None)

    def _without_lost(self, receiver: _Receiver, source: int, packet: Sync | Delta, data: bytes) -> bytes:
        """Returns a packet without the values of nodes that a receiver has lost; empty if nothing is left."""

        def is_kept(sync_id: int) -> bool:
            number = path_based(sync_id)
            told = None if number is None else receiver.told.get((source, number))
            return (source, number) not in self._dead and (told is None or not told.is_lost)

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
        """Whether a client was told paths, or has told some."""
        receiver = self._receivers.get(peer_id)
        return bool(self._numbers.get(peer_id) or (receiver is not None and receiver.told))

    def shown(self, peer_id: int, path: str, now: float) -> list[tuple[int, bytes]]:
        """Takes note that a client has the node at `path`.

        Returns:
            The packets to pass on now, each with the client that has sent the packet.
        """
        due: list[tuple[int, bytes]] = []
        receiver = self._receivers.get(peer_id)
        if receiver is None:
            return due
        for (source, number), told in receiver.below(path):
            if told.is_lost:
                told.is_lost = False
                receiver.losses -= 1
                told.renew_at = now + RENEW_AFTER
                self._renewals[peer_id, source, number] = told
            if told.data:
                due.append((source, told.data))
                told.data = b""
        self._note_losses(peer_id, receiver)
        return due

    def hidden(self, peer_id: int, path: str, now: float) -> None:
        """Takes note that a client no longer has the node at `path`."""
        numbers = self._numbers.get(peer_id, {})
        for one in [one for one in numbers if _is_at(one, path)]:
            number = numbers.pop(one)
            self._dead[peer_id, number] = now + LATE
            self._forget_number(peer_id, number)
        receiver = self._receivers.get(peer_id)
        if receiver is None:
            return
        for (source, number), told in receiver.below(path):
            if not told.data and not told.is_lost:
                told.is_lost = True
                receiver.losses += 1
                self._renewals.pop((peer_id, source, number), None)
        self._note_losses(peer_id, receiver)

    def is_waiting(self) -> bool:
        """Whether `take_due` has to be called."""
        return bool(self._renewals or self._dead)

    def take_due(self, now: float) -> list[tuple[int, int, int, str]]:
        """Returns the paths of which a client is to get all values now: the client, the client that has told the path,
        the number and the path.
        """
        for dead in [key for key, until in self._dead.items() if until <= now]:
            del self._dead[dead]
        due = [key for key, told in self._renewals.items() if told.renew_at <= now]
        return [(*key, self._renewals.pop(key).path) for key in due]
