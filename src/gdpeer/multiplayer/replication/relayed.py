"""`RelayedPaths`: remembers the paths that clients have told each other through a server, until they are confirmed.

A client cannot find a node that it has not got yet, and drops the path. The engine never tells a path again, so the
server passes it on once more when it has spawned the node for that client.

Layer: `multiplayer`; no I/O. Source: reference godot4-replication section 14, number 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.godot4 import Command, ConfirmPath, SimplifyPath, parse

__all__ = ["RelayedPaths"]

MOST = 1000
"""Most paths that are remembered for one client; the oldest gives way."""


class RelayedPaths:
    """The paths that were passed on and not confirmed, by the client that was told."""

    def __init__(self) -> None:
        self._told: dict[int, dict[tuple[int, int], tuple[str, bytes]]] = {}

    def clear(self) -> None:
        """Forgets all paths."""
        self._told.clear()

    def forget_peer(self, peer_id: int) -> None:
        """Forgets the paths that a client was told, and those that it has told."""
        self._told.pop(peer_id, None)
        for told in self._told.values():
            for key in [key for key in told if key[0] == peer_id]:
                del told[key]

    def note(self, source: int, targets: Iterable[int], data: bytes) -> None:
        """Takes note of a packet that is passed on."""
        command = data[0] & 7
        if command not in (Command.SIMPLIFY_PATH, Command.CONFIRM_PATH):
            return
        try:
            packet = parse(data)
        except PacketError:
            return
        for target in targets:
            if isinstance(packet, SimplifyPath):
                self._remember(target, (source, packet.cache_id), packet.path, data)
            elif isinstance(packet, ConfirmPath) and packet.cache_id is not None:
                self._told.get(source, {}).pop((target, packet.cache_id), None)

    def _remember(self, target: int, key: tuple[int, int], path: str, data: bytes) -> None:
        told = self._told.setdefault(target, {})
        told.pop(key, None)
        if len(told) >= MOST:
            del told[next(iter(told))]
        told[key] = path, data

    def unconfirmed(self, peer_id: int, path: str) -> list[tuple[int, bytes]]:
        """Returns the packets that tell a client paths at or below `path`, each with the client that has sent it."""
        told = self._told.get(peer_id, {})
        return [(key[0], data) for key, (at, data) in told.items() if at == path or at.startswith(f"{path}/")]
