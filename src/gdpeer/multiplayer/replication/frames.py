"""`Frames`: sends SYNC and delta packets, once in each network frame.

Peers that get the same get the same bytes: they are encoded and framed once. All others have a `Bundle` each, which
collects the elements of their SYNC packets. A peer whose connection is full gets no SYNC until there is room again, and
then the latest values; a delta stays due until it was queued.

Layer: `multiplayer`; sends through its host. Source: reference godot4-replication sections 4 to 6 and 9.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from gdpeer.errors import Error
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.replication.outgoing import PATH_BASED, Outgoing
from gdpeer.packet_session import PacketBlock

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.multiplayer.replication._kernels import (
        first_bytes,
        look_ahead,
        put_bytes,
        put_values,
        reach,
    )

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.replicator import ReplicationHost

__all__ = ["Bundle", "Frames"]

logger = get_logger("gdpeer.multiplayer")

_SYNC_HEAD = struct.Struct("<BH").pack
_SYNC_ELEMENT = struct.Struct("<II").pack
_DELTA_ELEMENT = struct.Struct("<IQI").pack
_SYNC, _DELTA = 0x06, b"\x16"
_OK = Error.OK


class Bundle:
    """Cuts elements into packets of at most some bytes. An element that is longer gets a packet of its own.

    Args:
        peer_id: the peer that gets the packets; 0: they are for many.

    Attributes:
        peer_id: the same.
        is_empty: whether no element was added since `begin`.
    """

    __slots__ = ("_at", "_data", "_first", "_most", "_packets", "_room", "_start", "is_empty", "peer_id")

    _start: Any  # a C field once compiled: the address of `_data`

    def __init__(self, peer_id: int = 0) -> None:
        self.peer_id = peer_id
        self.is_empty = True
        self._data = bytearray()  # the packet that is being filled, up to _at; the bytes behind it mean nothing
        self._at = self._first = self._most = 0
        self._room = 0  # elements up to this index need no look at the limits
        self._packets: list[bytes] = []

    def begin(self, head: bytes, most: int) -> None:
        """Begins anew.

        Args:
            head: the first bytes of each packet.
            most: the most bytes of a packet.
        """
        self._at = self._first = 0
        self._most = most
        self._packets = []
        self.add(head)
        self._first = self._at
        self._room = 0
        self.is_empty = True

    def add(self, element: bytes) -> None:
        """Adds an element to the last packet, or begins a packet."""
        size = len(element)
        if self._at + size > self._room:
            self._make_room(size)
        if cython.compiled:
            put_bytes(self._start + self._at, element)
        else:
            self._data[self._at : self._at + size] = element
        self._at += size

    def add_values(self, number: int, values: bytes) -> None:
        """Adds an element of a SYNC packet: the number of a synchronizer, and its values."""
        size = 8 + len(values)
        if self._at + size > self._room:
            self._make_room(size)
        if cython.compiled:
            put_values(self._start + self._at, number, values)
        else:
            self._data[self._at : self._at + size] = _SYNC_ELEMENT(number, len(values)) + values
        self._at += size

    def _make_room(self, size: int) -> None:
        """Begins a packet if the next element would make the last packet too long."""
        if self._at + size > self._most and self._at > self._first:
            self._packets.append(self._packet())
            self._at = self._first
        self.is_empty = False
        if cython.compiled:
            self._start = reach(self._data, self._at + size)
            self._room = min(self._most, len(self._data))

    def take(self) -> list[bytes]:
        """Returns the packets, and is empty until `begin`."""
        packets, self._packets = self._packets, []
        if not self.is_empty:
            packets.append(self._packet())
        self.is_empty = True
        return packets

    def _packet(self) -> bytes:
        return first_bytes(self._data, self._at) if cython.compiled else bytes(self._data[: self._at])


class Frames:
    """Collects what has changed, and sends it to the peers that may see it.

    Args:
        host: the API.
        peers: the peers that take part.

    Attributes:
        queue: synchronizers to look at in the next frame.
        polled: synchronizers with ordinary attributes: their values are compared in each frame.
        counter: the counter of the last SYNC packets.
    """

    def __init__(self, host: ReplicationHost, peers: Collection[int]) -> None:
        self.queue: list[Any] = []
        self.polled: dict[Outgoing, None] = {}
        self._host = host
        self._peers = peers
        self.counter = 0
        self._most_sync = 0
        self._head = b""  # of the SYNC packets of this frame
        self._common = Bundle()  # elements for all peers
        self._bundles: dict[int, Bundle] = {}  # by peer, of all peers that have got elements of their own
        self._filled: list[Bundle] = []  # of those peers that get elements in this frame
        self._clear()

    def _clear(self) -> None:
        self._deltas: list[bytes] = []
        self._told: list[tuple[Outgoing, int]] = []  # what the common deltas carry
        self._deltas_of: dict[int, list[tuple[bytes, Outgoing, int]]] = {}

    def is_due(self) -> bool:
        """Whether the next network frame has something to look at."""
        return bool(self.queue or self.polled)

    def send(self, now: float, slow: set[int]) -> None:
        """Sends what has changed since the last network frame.

        Args:
            now: the time.
            slow: the peers to whom bytes wait to be sent: they get no SYNC.
        """
        outs = self.queue[:]
        self.queue.clear()  # the same list: all synchronizers refer to it
        for out in outs:
            out.is_queued = False
        outs = self._in_order(outs)
        self._begin_syncs()
        peers = len(self._peers) or -1
        for index, out in enumerate(outs):
            if cython.compiled:
                look_ahead(outs, index)
            if out.queue is None:
                continue
            if out.steady_for == peers and not (slow or out.dirty or out.mask):
                self._collect_steady(out, now, slow)
            elif out.is_heard():
                self._collect(out, now, slow)
            else:
                out.unkeep()
        if not (self._common.is_empty and not self._filled) and self._send_syncs(slow) is not _OK:
            self._repeat_syncs(outs)
        if self._deltas or self._deltas_of:
            self._send_deltas(slow)
        self._clear()

    def _in_order(self, outs: list[Any]) -> list[Outgoing]:
        """Returns the synchronizers to look at: those that are compared always, and those that were marked."""
        return [*self.polled, *(out for out in outs if out not in self.polled)] if self.polled else outs

    # ------------------------------------------------------------------------------------------ one synchronizer

    def _collect(self, out: Outgoing, now: float, slow: set[int]) -> None:
        out.look()
        waits = False
        if out.has_news or out.fresh:
            if now >= out.next_sync or out.fresh:
                self._collect_sync(out, now, slow)
            else:
                waits = True
        if out.mask or out.behind:
            waits |= self._collect_delta(out, now, slow)
        if out.settle(len(self._peers)) or waits:
            out.wake()

    def _collect_steady(self, out: Outgoing, now: float, slow: set[int]) -> None:
        """Collects as `_collect` does, where only properties ALWAYS can have changed, and only `bundles` get them. With
        many synchronizers that some of the peers see, nearly all time is spent here.
        """
        if out.is_dirty:
            out.look_at_always()
        payload, bundles = out.payload, out.bundles
        if not out.has_news or payload is None:
            return
        if now < out.next_sync or len(payload) > self._most_sync or bundles is None:
            self._collect(out, now, slow)
            return
        out.has_news = False
        out.next_sync = now + out.sync_interval
        self._add_to(bundles, out.net_id, payload)

    def _collect_sync(self, out: Outgoing, now: float, slow: set[int]) -> None:
        payload, fresh = out.payload, out.fresh
        is_due = out.has_news and now >= out.next_sync
        if is_due:
            out.has_news = False
            out.next_sync = now + out.sync_interval
        if payload is None or (
            len(payload) > self._most_sync and not self._fits(out, payload, self._most_sync, "sync")
        ):
            fresh.clear()
            return
        common = self._common_id(out) if is_due else 0
        if common:
            self._common.add_values(common, payload)
            if slow or fresh:
                out.fresh = {peer_id for peer_id in slow if out.hears(peer_id)}
            return
        if out.by_net:
            self._add_to(
                self._bundles_by_net(out) if is_due else self._bundles_of(fresh & out.by_net), out.net_id, payload
            )
        if out.by_path and out.entry is not None:
            number = PATH_BASED | out.entry.number
            self._add_to(self._bundles_of(out.by_path if is_due else fresh & out.by_path), number, payload)
        if slow:
            out.fresh = {peer_id for peer_id in slow if peer_id in fresh or (is_due and out.hears(peer_id))}
        elif fresh:
            fresh.clear()

    def _add_to(self, bundles: list[Bundle], number: int, payload: bytes) -> None:
        """Adds an element for some peers, also for slow ones: `_send_syncs` leaves these out."""
        for bundle in bundles:
            if bundle.is_empty:
                bundle.begin(self._head, self._most_sync)
                self._filled.append(bundle)
            bundle.add_values(number, payload)

    def _bundles_by_net(self, out: Outgoing) -> list[Bundle]:
        """Returns the bundles of the peers that know a synchronizer by its number; kept while these stay the same."""
        if out.is_shared:  # the set changes for all who share it
            return self._bundles_of(out.by_net)
        if out.bundles is None:
            out.bundles = self._bundles_of(out.by_net)
        return out.bundles

    def _bundles_of(self, peer_ids: set[int]) -> list[Bundle]:
        found = []
        for peer_id in peer_ids:
            bundle = self._bundles.get(peer_id)
            if bundle is None:
                bundle = self._bundles[peer_id] = Bundle(peer_id)
            found.append(bundle)
        return found

    def _common_id(self, out: Outgoing) -> int:
        """Returns the id by which all peers know a synchronizer that all of them may see; else 0."""
        count = len(self._peers)
        if len(out.by_net) == count:
            return out.net_id
        if len(out.by_path) == count and out.entry is not None:
            return PATH_BASED | out.entry.number
        return 0

    def _fits(self, out: Outgoing, values: bytes, most: int, what: str) -> bool:
        if len(values) <= most:
            return True
        text = f"{what}: the values are bigger than max_{what}_packet_size and are not sent (%s > %s): %s"
        log_limited(logger, logging.ERROR, text, len(values), most, out.synchronizer.get_path())
        return False

    def _collect_delta(self, out: Outgoing, now: float, slow: set[int]) -> bool:
        """Collects what has changed of a synchronizer; returns whether more is due later."""
        mask = out.mask
        is_due = bool(mask) and now >= out.next_delta
        if is_due:
            values = out.delta(mask)
            if values is None or not self._fits(out, values, self._host.max_delta_packet_size, "delta"):
                return False
            out.mask = 0
            out.next_delta = now + out.delta_interval
            self._collect_common_delta(out, mask, values, slow)
        for peer_id, entry in list(out.behind.items()):
            self._collect_behind(out, peer_id, entry, now, slow)
        return bool(mask) and not is_due

    def _collect_common_delta(self, out: Outgoing, mask: int, values: bytes, slow: set[int]) -> None:
        common = 0 if out.behind or slow else self._common_id(out)
        if common:
            self._deltas.append(_DELTA_ELEMENT(common, mask, len(values)) + values)
            self._told.append((out, mask))
            return
        for peer_id in (*out.by_net, *out.by_path):
            entry = out.behind.get(peer_id)
            if entry is not None:
                entry[0] |= mask
            elif peer_id in slow:
                out.behind[peer_id] = [mask, 0.0]
            else:
                self._add_delta(out, peer_id, mask, values)

    def _collect_behind(self, out: Outgoing, peer_id: int, entry: list[Any], now: float, slow: set[int]) -> None:
        mask, not_before = entry
        if now < not_before or peer_id in slow:
            return
        values = out.delta(mask) if mask else None
        interval = out.delta_interval
        if mask and (values is None or not self._fits(out, values, self._host.max_delta_packet_size, "delta")):
            return
        if mask and interval:
            entry[:] = 0, now + interval
        else:
            del out.behind[peer_id]
        if values is not None:
            self._add_delta(out, peer_id, mask, values)

    def _add_delta(self, out: Outgoing, peer_id: int, mask: int, values: bytes) -> None:
        element = _DELTA_ELEMENT(out.id_for(peer_id), mask, len(values)) + values
        self._deltas_of.setdefault(peer_id, []).append((element, out, mask))

    # ------------------------------------------------------------------------------------------ packets

    def _begin_syncs(self) -> None:
        self._most_sync = self._host.max_sync_packet_size
        self._head = _SYNC_HEAD(_SYNC, (self.counter + 1) & 0xFFFF)
        self._common.begin(self._head, self._most_sync)

    def _send_syncs(self, slow: set[int]) -> Error:
        self.counter = (self.counter + 1) & 0xFFFF
        sent = _OK
        for packet in self._common.take():
            sent = self._host.transmit(self._quick(slow), packet) or sent
        filled, self._filled = self._filled, []
        for bundle in filled:
            packets = bundle.take()
            block = PacketBlock(packets)
            if not (slow and bundle.peer_id in slow) and not self._host.transmit_whole(bundle.peer_id, block):
                for packet in packets:
                    sent = self._host.transmit((bundle.peer_id,), packet) or sent
        return sent

    def forget_peer(self, peer_id: int) -> None:
        """Forgets a peer that has gone."""
        self._bundles.pop(peer_id, None)

    def _repeat_syncs(self, outs: list[Outgoing]) -> None:
        """Has all values sent again to the peers that may have missed a SYNC."""
        for peer_id in self._peers:
            if self._host.waiting(peer_id):
                for out in outs:
                    out.refresh(peer_id)

    def _send_deltas(self, slow: set[int]) -> None:
        most = self._host.max_delta_packet_size
        if self._deltas:
            sent = _OK
            for packet in packets_of(_DELTA, self._deltas, most):
                sent = self._host.transmit(self._quick(slow), packet) or sent
            if sent is not _OK:
                self._repeat_common()
        for peer_id, parts in self._deltas_of.items():
            sent = _OK
            for packet in packets_of(_DELTA, [element for element, _, _ in parts], most):
                sent = self._host.transmit((peer_id,), packet) or sent
            if sent is not _OK:
                for _, out, mask in parts:
                    self._repeat(out, peer_id, mask)

    def _repeat_common(self) -> None:
        """Has the common deltas sent again to all peers that may have missed one. Values that come twice do no harm."""
        for peer_id in self._peers:
            if self._host.waiting(peer_id):
                for out, mask in self._told:
                    self._repeat(out, peer_id, mask)

    def _repeat(self, out: Outgoing, peer_id: int, mask: int) -> None:
        if out.hears(peer_id):
            entry = out.behind.setdefault(peer_id, [0, 0.0])
            entry[:] = entry[0] | mask, 0.0
            out.steady_for = 0
            out.wake()

    def _quick(self, slow: set[int]) -> Collection[int]:
        return [peer_id for peer_id in self._peers if peer_id not in slow] if slow else self._peers


def packets_of(head: bytes, elements: list[bytes], most: int) -> list[bytes]:
    """Returns packets of at most `most` bytes with the elements, in order; a longer element gets its own packet."""
    bundle = Bundle()
    bundle.begin(head, most)
    for element in elements:
        bundle.add(element)
    return bundle.take()
