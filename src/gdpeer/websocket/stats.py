"""Counters of a connection, and of a server with all connections that it ever had.

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
    """The counters of one connection at one moment.

    Attributes:
        bytes_received, bytes_sent: bytes of the connection, with HTTP and the heads of frames, without those of TLS. In
            a browser, bytes of the messages.
        messages_received, messages_sent: complete messages.
        queued_packets, queued_bytes: received, and not taken yet.
        outbound_packets, outbound_bytes: waiting to be sent.
        refused_sends: sends that were refused because the send queue was full (`ERR_OUT_OF_MEMORY`).
        throttled: how often reading paused because more arrived than `message_rate` or `byte_rate` allows.
        latency: the seconds of the newest round trip; -1.0 before the first.
        refused_packets: refused packets and calls in multiplayer mode, by cause: "bad packet", "forged source", "not
            allowed", ... (`SceneMultiplayer.refused`).
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
    """Returns the counters of a connection at this moment."""
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
    """The counters of a server at one moment.

    Attributes:
        peers: open connections.
        pending: connections that are not open yet. Connections that ask for pages count until their request is read.
        answering: connections that will not open: a page or a refusal is being sent.
        pages: all pages that were asked for.
        accepted: all connections that came in.
        opened: all connections that opened.
        ended: connections that opened and have ended, by `Cause`: "closed", "tcp", "timeout", "too big", ...
        refused: connections that did not open, by the HTTP status of the answer ("http 403"; also for pages that do not
            exist), by the limit that was reached ("max_connections_per_address", "max_pending", "connection_rate"), or
            by `Cause`.
        refused_packets: refused packets of all connections, also ended ones, by cause; see `PeerStats`.
        bytes_received, bytes_sent, messages_received, messages_sent, refused_sends, throttled: of all connections, also
            ended ones; see `PeerStats`.
        queued_packets, queued_bytes, outbound_packets: of the open connections; see `PeerStats`.
        outbound_bytes: of the open connections, and the bytes in memory of pages that are being sent.
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
    """The counters of connections that have ended, for a server; `ServerStats` describes them."""

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
        """Counts a connection that ended and never opened. A served page is not a refusal."""
        if cause.status >= 400:
            self.refused[f"http {cause.status}"] += 1
        elif not cause.status and cause.cause is not Cause.NONE:
            self.refused[cause.cause.value] += 1

    def note_ended(self, backend: Backend) -> None:
        """Adds the counters of a connection that has ended. Every connection pays for this code, so no loop here."""
        cause = backend.cause.cause
        self._ended[cause] = self._ended.get(cause, 0) + 1
        self._bytes_received += backend.bytes_received
        self._bytes_sent += backend.bytes_sent
        self._messages_received += backend.inbox.received
        self._messages_sent += backend.messages_sent
        self._refused_sends += backend.refused_sends
        self._throttled += backend.throttled

    def stats(self, backends: Iterable[Backend], pending: int, answering: int = 0, outgoing: int = 0) -> ServerStats:
        """Returns all counters of the server, with those of its open connections.

        `outgoing` is the bytes in memory of the answers to the `answering` connections, which will not open.
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
