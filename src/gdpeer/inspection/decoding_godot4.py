"""Decodes the messages of a Godot 4 session, with one decoder for each client.

A message is between the client and the server (peer 1), unless a RELAY packet names another target or source. Every
sender numbers nodes by itself.

Layer: `inspection`; no I/O. Source: reference godot4-wire B.3, C, D, E.
"""

from __future__ import annotations

import struct

from gdpeer.contract import checksum_of
from gdpeer.errors import PacketError
from gdpeer.inspection.decoded import Decoded, DialectDecoder, clipped
from gdpeer.inspection.decoding_replication import MOST_VALUES, ReplicationDecoder
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.multiplayer.wire import godot4
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync

__all__ = ["Decoder4", "is_id"]

SERVER = 1
MOST_CHECKSUMS = 65_536
MOST_UNNAMED = 1000
NO_METHODS = checksum_of(())

_I32 = struct.Struct("<i")


def is_id(message: Message) -> bool:
    """Returns whether a message looks like the server's first one, which holds the id of the client."""
    return not message.is_text and len(message.data) == 4 and _I32.unpack(message.data)[0] > SERVER


class Decoder4(DialectDecoder):
    """Decodes the messages of one Godot 4 client.

    Args:
        names: the known names of methods.
        most_values: the most values that are decoded of one packet of a spawner or synchronizer.
    """

    def __init__(self, names: MethodNames, most_values: int = MOST_VALUES) -> None:
        super().__init__()
        self._names = names
        self._replication = ReplicationDecoder(names.scenes, most_values)

    def decode(self, direction: Direction, message: Message) -> Decoded:
        """Returns the content of a message; `Decoded.problem` says why if it cannot be decoded."""
        is_up = direction is Direction.TO_SERVER
        source, target = (self.peer_id, SERVER) if is_up else (SERVER, self.peer_id)
        # Only the first message is the id: a later one of four bytes is a packet.
        if not is_up and self.peer_id is None and is_id(message):
            self.peer_id = _I32.unpack(message.data)[0]
            return Decoded("your id", SERVER, self.peer_id, detail=str(self.peer_id))
        try:
            packet = godot4.parse(message.data, objects=True)  # objects are shown even if the game refuses them
            if isinstance(packet, godot4.Relay):
                return self._relayed(packet, is_up)
            return self._say(packet, source, target).between(source, target)
        except PacketError as problem:
            return Decoded("undecoded", source, target, problem=str(problem))

    def _relayed(self, relay: godot4.Relay, is_up: bool) -> Decoded:
        source, target = (self.peer_id, relay.peer_id) if is_up else (relay.peer_id, self.peer_id)
        inner = godot4.parse(relay.data, objects=True)
        # These are invalid inside a RELAY: a client must not speak for the server.
        if isinstance(inner, godot4.Relay | godot4.Auth | godot4.AddPeer | godot4.DelPeer):
            raise PacketError("SYS within a RELAY", 6)
        return self._say(inner, source, target).between(source, target, is_relayed=True)

    def _say(self, packet: godot4.Packet, source: int | None, target: int | None) -> Decoded:
        match packet:
            case godot4.RemoteCall():
                return self._call(packet, source)
            case godot4.SimplifyPath(checksum, cache_id, path):
                return self._simplify(checksum, cache_id, path, source)
            case godot4.ConfirmPath(matches, cache_id, path):
                return self._confirm(matches, cache_id, path)
            case godot4.Raw(data):
                return Decoded("raw", detail=f"{len(data)} bytes: {data[:32].hex(' ')}")
            case Spawn() | Despawn() | Sync() | Delta():
                return self._replication.decode(packet, (source, target), self.paths_of(source))
            case godot4.Auth(data):  # may hold a password: never shown
                return Decoded("auth", detail=f"{len(data)} bytes, not shown" if data else "complete")
            case godot4.AddPeer(peer_id):
                return Decoded("add peer", detail=str(peer_id))
            case godot4.DelPeer(peer_id):
                if source == SERVER:
                    self._replication.forget_peer(peer_id)
                return Decoded("del peer", detail=str(peer_id))
        raise PacketError("a packet of no known kind")  # pragma: no cover - parse knows no other

    # ------------------------------------------------------------------------------------------ calls

    def _call(self, call: godot4.RemoteCall, source: int | None) -> Decoded:
        path = self.paths_of(source).name(call.node_id) if call.path is None else call.path
        checksum = self.checksums.get((source, path), "")
        method = self._names.name(checksum, call.method_id)
        if method is None:
            method = f"method {call.method_id}"
            if len(self.unnamed) < MOST_UNNAMED:
                self.unnamed[clipped(path)] = checksum
        return Decoded("rpc", path=path, method=method, arguments=call.arguments)

    def _simplify(self, checksum: str, cache_id: int, path: str, source: int | None) -> Decoded:
        self.paths_of(source).learn(cache_id, path)
        if len(self.checksums) < MOST_CHECKSUMS:
            # Under the name that later calls will find: the path itself was not kept if it is too long.
            self.checksums[source, self.paths_of(source).name(cache_id)] = checksum
        known = self._names.table(checksum)
        methods = f"methods {' '.join(known)}" if known else f"checksum {checksum}"
        if checksum == NO_METHODS:  # of nodes that only replicate
            methods = "no methods"
        return Decoded("simplify path", path=path, detail=f"is node {cache_id}, {clipped(methods)}")

    def _confirm(self, matches: bool, cache_id: int | None, path: str | None) -> Decoded:
        which = f"node {cache_id}" if cache_id is not None else clipped(path or "")
        return Decoded("confirm path", detail=which if matches else f"{which}, the methods differ")
