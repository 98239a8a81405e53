"""Decodes the messages of a Godot 3 session in multiplayer mode, with one decoder for each client.

Methods and properties travel by name. Each message states its source and its target.

Layer: `inspection`; no I/O. Source: reference godot3-wire sections 2 and 3.
"""

from __future__ import annotations

from gdpeer.errors import PacketError
from gdpeer.inspection.decoded import Decoded, DialectDecoder, clipped
from gdpeer.inspection.direction import Direction, Message
from gdpeer.multiplayer.wire import godot3
from gdpeer.multiplayer.wire.parts import values_of
from gdpeer.websocket.session.godot3_header import HEADER_SIZE, Header, Kind, unpack

__all__ = ["Decoder3", "is_id"]

SERVER = 1
SYSTEM = {Kind.ADD: "add peer", Kind.DEL: "del peer", Kind.ID: "your id"}


def is_id(message: Message) -> bool:
    """Returns whether a message looks like the server's first one, which holds the id of the client."""
    # The kind `ID`, source 1 and target 0; the id follows.
    return not message.is_text and len(message.data) == 13 and message.data[:9] == b"\3\1\0\0\0\0\0\0\0"


class Decoder3(DialectDecoder):
    """Decodes the messages of one Godot 3 client. `unnamed` stays empty, because Godot 3 sends the names of methods."""

    def decode(self, direction: Direction, message: Message) -> Decoded:
        """Returns the content of a message; `Decoded.problem` says why if it cannot be decoded."""
        try:
            header = unpack(message.data)
            if header.kind is not Kind.DATA:
                return self._system(header)
            packet = godot3.parse(message.data[HEADER_SIZE:], objects=True)
        except PacketError as problem:
            return Decoded("undecoded", problem=str(problem), engine=3)
        is_relayed = SERVER not in (header.source, header.target)
        return self._say(packet, header.source).between(header.source, header.target, is_relayed=is_relayed)

    def _system(self, header: Header) -> Decoded:
        if header.kind is Kind.ID:
            self.peer_id = header.peer_id
        return Decoded(SYSTEM[header.kind], SERVER, self.peer_id, detail=str(header.peer_id), engine=3)

    def _say(self, packet: godot3.Packet, source: int) -> Decoded:
        match packet:
            case godot3.RemoteCall(node_id, name, arguments, path) | godot3.RemoteSet(node_id, name, arguments, path):
                command = "rpc" if isinstance(packet, godot3.RemoteCall) else "rset"
                where = self.paths_of(source).name(node_id) if path is None else path
                return Decoded(command, path=where, method=name, arguments=values_of(arguments), engine=3)
            case godot3.SimplifyPath(cache_id, path):
                self.paths_of(source).learn(cache_id, path)
                return Decoded("simplify path", path=path, detail=f"is node {cache_id}", engine=3)
            case godot3.ConfirmPath(path):
                return Decoded("confirm path", detail=clipped(path), engine=3)
            case godot3.Raw(data):
                return Decoded("raw", detail=f"{len(data)} bytes: {data[:32].hex(' ')}", engine=3)
