"""What has passed: the counters of a connection, and of a server with all that it ever had.

Layer: `websocket`; pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gdpeer.errors import Cause, CloseCause

if TYPE_CHECKING:
    from gdpeer.websocket.backend.base import Backend

__all__ = ["PeerStats", "ServerStats", "Tally", "peer_stats"]


@dataclass(frozen=True, slots=True)
class PeerStats:
    """A moment of one connection.

    Attributes:
        bytes_received, bytes_sent: of the connection, HTTP and frame heads included; TLS's own not. In a page: of the
            messages.
        messages_received, messages_sent: whole ones.
        queued_packets, queued_bytes: received, and waiting to be taken.
        outbound_packets, outbound_bytes: waiting to be sent.
        refused_sends: sends that found no room (`ERR_OUT_OF_MEMORY`).
        throttled: how often reading paused because more came than `message_rate` or `byte_rate` allows.
        latency: seconds of the newest round trip; -1.0 before the first.
        refused_packets: packets and calls that were refused in multiplayer mode, by cause: "bad packet", "forged
            source", "not allowed", ... (`SceneMultiplayer.refused`).
    """

    bytes_received: int = 0
    bytes_sent: int = 0
    messages_received: int = 0
    messages_sent: int = 0
    queued_packets: int = 0
    queued_bytes: int = 0
    outbound_packets: int = 0
    outbound_bytes: int = 0
    refused_sends: int = 0
    throttled: int = 0
    latency: float = -1.0
    refused_packets: Mapping[str, int] = field(default_factory=dict)


def peer_stats(backend: Backend) -> PeerStats:
    """The counters of a connection."""
    inbox = backend.inbox
    return PeerStats(
        bytes_received=backend.bytes_received,
        bytes_sent=backend.bytes_sent,
        messages_received=inbox.received,
        messages_sent=backend.messages_sent,
        queued_packets=inbox.count,
        queued_bytes=inbox.queued_bytes,
        outbound_packets=backend.outbound_packets(),
        outbound_bytes=backend.outbound_bytes(),
        refused_sends=backend.refused_sends,
        throttled=backend.throttled,
        latency=-1.0 if backend.round_trip is None else backend.round_trip.latency,
        refused_packets={} if backend.refusals is None else dict(backend.refusals.by_cause),
    )


@dataclass(frozen=True, slots=True)
class ServerStats:
    """A moment of a server.

    Attributes:
        peers: that are there.
        pending: connections that are not open yet; those that ask for pages count until they have asked.
        answering: connections that do not open: pages and refusals on their way to who asked.
        pages: pages that were ever asked for.
        accepted: connections that ever came in.
        opened: upgrades that were ever done.
        ended: peers that have gone, by `Cause`: "closed", "tcp", "timeout", "too big", ...
        refused: connections that did not open, by the HTTP status that they were answered with ("http 403"; pages that
            do not exist among them), by the limit that they met ("max_connections_per_address", "max_pending",
            "connection_rate"), or by `Cause`.
        refused_packets: of all peers, those that have gone included, by cause; see `PeerStats`.
        bytes_received, bytes_sent, messages_received, messages_sent, refused_sends, throttled: of all peers, those
            that have gone included; see `PeerStats`.
        queued_packets, queued_bytes, outbound_packets: of those that are there.
        outbound_bytes: likewise, and what pages on their way hold in memory.
    """

    peers: int
    pending: int
    answering: int
    accepted: int
    opened: int
    pages: int
    ended: Mapping[str, int]
    refused: Mapping[str, int]
    refused_packets: Mapping[str, int]
    bytes_received: int
    bytes_sent: int
    messages_received: int
    messages_sent: int
    refused_sends: int
    throttled: int
    queued_packets: int
    queued_bytes: int
    outbound_packets: int
    outbound_bytes: int


_SUMS = ("bytes_received", "bytes_sent", "messages_received", "messages_sent", "refused_sends", "throttled")
_LEVELS = ("queued_packets", "queued_bytes", "outbound_packets", "outbound_bytes")


class Tally:
    """What a server remembers of connections that have gone.

    Attributes:
        accepted, opened, pages: see `ServerStats`.
        refused, refused_packets: likewise.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.opened = 0
        self.pages = 0
        self.refused: Counter[str] = Counter()
        self.refused_packets: Counter[str] = Counter()
        self._ended: dict[Cause, int] = {}
        self._bytes_received = self._bytes_sent = self._messages_received = self._messages_sent = 0
        self._refused_sends = self._throttled = 0

    def note_refused(self, cause: CloseCause) -> None:
        """A connection has gone that never opened; a page that was served is no refusal."""
        if cause.status >= 400:
            self.refused[f"http {cause.status}"] += 1
        elif not cause.status and cause.cause is not Cause.NONE:
            self.refused[cause.cause.value] += 1

    def note_ended(self, backend: Backend) -> None:
        """A peer has gone. (Written out, for it is a part of what a connection costs.)"""
        cause = backend.cause.cause
        self._ended[cause] = self._ended.get(cause, 0) + 1
        self._bytes_received += backend.bytes_received
        self._bytes_sent += backend.bytes_sent
        self._messages_received += backend.inbox.received
        self._messages_sent += backend.messages_sent
        self._refused_sends += backend.refused_sends
        self._throttled += backend.throttled

    def stats(self, backends: Iterable[Backend], pending: int, answering: int = 0, outgoing: int = 0) -> ServerStats:
        """All there is to tell, with those that are there.

        Args:
            backends: of the peers.
            pending: connections that are not open yet.
            answering: connections that do not open.
            outgoing: bytes that their answers hold.
        """
        live = [peer_stats(backend) for backend in backends]
        sums = {name: getattr(self, f"_{name}") + sum(getattr(one, name) for one in live) for name in _SUMS}
        levels = {name: sum(getattr(one, name) for one in live) for name in _LEVELS}
        levels["outbound_bytes"] += outgoing
        return ServerStats(
            peers=len(live),
            pending=pending,
            answering=answering,
            accepted=self.accepted,
            opened=self.opened,
            pages=self.pages,
            ended={cause.value: number for cause, number in self._ended.items()},
            refused=dict(self.refused),
            refused_packets=dict(self.refused_packets),
            **sums,
            **levels,
        )
