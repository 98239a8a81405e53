"""Lets peers of Godot 3 join a session of Godot 4's API: the game has one set of methods and signals for both.

A call to a peer of Godot 3 carries the method's name and values of Godot 3. A call from such a peer finds the same
`@rpc` methods, under the same rules. The server translates packets between clients of different dialects. Translated
calls carry paths, never numbers: the two clients cannot agree on a number, as they do not talk to each other directly.

A packet that has no translation (a Vector2i to Godot 3, a set from Godot 3) is refused, and logged with the reason.

Layer: `multiplayer`. Source: reference godot4-wire section C.2, godot3-wire section 2 and 3.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gdpeer.errors import Error, PacketError, VariantError
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.godot3.calls import Godot3Calls
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.multiplayer.wire.parts import values_of

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node

__all__ = ["Godot3Guests"]

logger = get_logger("gdpeer.multiplayer")


class Godot3Guests:
    """Handles the peers of Godot 3 for a `SceneMultiplayer`.

    Attributes:
        members: the ids of the peers of Godot 3.
        calls: the calls between this side and the guests.
    """

    def __init__(self, host: SceneMultiplayer) -> None:
        self._host = host
        self.calls = Godot3Calls(host)
        self.members: set[int] = set()

    def clear(self) -> None:
        """Forgets all guests and the numbers of their paths."""
        self.members.clear()
        self.calls.clear()

    def forget_peer(self, peer_id: int) -> None:
        """Forgets a guest that has gone."""
        self.members.discard(peer_id)
        self.calls.forget_peer(peer_id)

    def split(self, peer_ids: Collection[int]) -> tuple[list[int], list[int]]:
        """Splits some peers into those of Godot 4 and those of Godot 3."""
        members = self.members
        return [one for one in peer_ids if one not in members], [one for one in peer_ids if one in members]

    # ------------------------------------------------------------------------------------------ from here

    def send_call(self, node: Node, method: Method, arguments: Sequence[Any], peer_ids: Collection[int]) -> Error:
        """Calls a method on some guests; returns `ERR_INVALID_DATA` if Godot 3 cannot take an argument."""
        try:
            body = self.calls.encode(godot3.Command.REMOTE_CALL, method.name, arguments)
            return self.calls.send(godot3.Command.REMOTE_CALL, node, body, peer_ids, 0)
        except VariantError as problem:
            self._host.refused["not translatable"] += 1
            path = self._host.path_of(node)
            text = "%s of node '%s' not called at %s: Godot 3 cannot take it: %s"
            log_limited(logger, logging.WARNING, text, method.name, path, peer_ids, problem)
            return Error.ERR_INVALID_DATA

    def send_raw(self, data: bytes, peer_ids: Sequence[int]) -> Error:
        """Sends some guests a packet of the game's own."""
        return self._host.put(peer_ids, godot3.Raw(data).encode())

    # ------------------------------------------------------------------------------------------ from there

    def receive(self, sender: int, target: int, data: bytes) -> None:
        """Handles a packet of a guest.

        Args:
            sender: the guest.
            target: positive: one peer (perhaps this side); 0: all peers; negative: all but that peer.
            data: the packet, without the header of the transport.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        host = self._host
        packet = godot3.parse(data, objects=host.allow_object_decoding, lazy=True)
        own = host.get_unique_id()
        # The transport passes the packet on to the targets of Godot 3.
        others = () if target == own else [one for one in self.split(host._targets(target))[0] if one != sender]
        if others:
            try:
                self._pass_on(sender, others, packet)
            except PacketError as problem:
                host.refuse_packet(sender, problem)
        is_for_others = target > 0 and target != own
        if is_for_others or target == -own or sender not in self.members:  # a handler may have disconnected the sender
            return
        if isinstance(packet, godot3.Raw):
            host.peer_packet.emit(sender, packet.data)
        else:
            host.was_counted = target != own  # the relay has counted it
            try:
                self.calls.receive(sender, packet)
            finally:
                host.was_counted = False

    def _pass_on(self, source: int, peer_ids: Sequence[int], packet: godot3.Packet) -> None:
        """Translates a guest's packet, and sends it to peers of Godot 4."""
        if not self._host.server_relay:
            raise PacketError("the server's relay is off on this side", kind="not allowed")
        if isinstance(packet, godot3.Raw):
            self._relay(source, peer_ids, godot4.Raw(packet.data).encode())
        elif isinstance(packet, godot3.RemoteCall):
            self._pass_call_on(source, peer_ids, packet)
        elif isinstance(packet, godot3.RemoteSet):
            raise PacketError("a property cannot be set at a peer of Godot 4", kind="not allowed")

    def _pass_call_on(self, source: int, peer_ids: Sequence[int], call: godot3.RemoteCall) -> None:
        path = call.path if call.path is not None else self.calls.path_of(source, call.node_id)
        node = self._host.find(path)
        method = None if node is None else methods_of(node).by_name.get(call.name)
        if method is None:
            self._host.refuse(source, path, call.name, "unknown method", "the server, which would translate, lacks it")
            return
        arguments = values_of(call.arguments)
        if method.packs:
            with suppress(TypeError):  # the receiver refuses arguments that do not fit
                arguments = method.checker.pack(arguments)
        typed, objects = self._host.typed_containers is not False, self._host.allow_object_decoding
        flags, body = godot4.encode_call_body(method.number, arguments, typed, objects)
        self._relay(source, peer_ids, godot4.call_packet(flags, body, 0, path))

    def _relay(self, source: int, peer_ids: Sequence[int], data: bytes) -> None:
        self._host._relay_to(peer_ids, data, source)

    # ------------------------------------------------------------------------------------------ through the relay

    def relay(self, source: int, peer_ids: Sequence[int], data: bytes) -> None:
        """Translates a packet of a peer of Godot 4, and sends it to some guests.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        packet = godot4.parse(data, objects=self._host.allow_object_decoding)
        if isinstance(packet, godot4.Raw):
            self._put_from(source, peer_ids, godot3.Raw(packet.data).encode())
        elif isinstance(packet, godot4.RemoteCall):
            self._relay_call(source, peer_ids, packet)

    def _relay_call(self, source: int, peer_ids: Sequence[int], call: godot4.RemoteCall) -> None:
        if call.path is None:
            raise PacketError("a call by number to a peer of Godot 3, which confirmed none")
        node = self._host.find(call.path)
        method = None if node is None else methods_of(node).by_number.get(call.method_id)
        if method is None:
            reason = "the server, which would translate, lacks it"
            self._host.refuse(source, call.path, f"method {call.method_id}", "unknown method", reason)
            return
        try:
            data = godot3.RemoteCall(0, method.name, call.arguments, call.path).encode()
        except VariantError as problem:
            reason = f"Godot 3 cannot take it: {problem}"
            self._host.refuse(source, call.path, method.name, "not translatable", reason)
        else:
            self._put_from(source, peer_ids, data)

    def _put_from(self, source: int, peer_ids: Sequence[int], data: bytes) -> None:
        peer = self._host.multiplayer_peer
        if peer is not None and peer.put_packet_from(source, peer_ids, data) is not Error.OK:
            self._host.count_lost(source, peer_ids)
