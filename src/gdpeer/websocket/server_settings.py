"""What can be set about a server, beside where it listens.

Layer: `websocket`.
"""

from __future__ import annotations

from gdpeer.websocket.settings import Configurable, Setting, count, flag, lines_or_none, rate, seconds

__all__ = ["ServerSettings"]


class ServerSettings(Configurable):
    """The properties of `WebSocketServer` that count for connections which come after they are set."""

    __slots__ = ()

    handshake_timeout = Setting(seconds, "Seconds for TLS and the upgrade, from TCP on; 3.")
    heartbeat_interval = Setting(seconds, "Seconds between pings to each peer; 0.0: none.")
    close_timeout = Setting(seconds, "Seconds for the answer to a close; 10.")
    inbound_buffer_size = Setting(count, "Bytes of the largest message, and of what may wait unread; 65,536.")
    outbound_buffer_size = Setting(count, "Bytes that may wait to be sent to a peer; 65,536; 0: no limit.")
    max_queued_packets = Setting(count, "Messages that may wait, each way; 1,024.")
    close_on_backpressure = Setting(
        flag,
        "Close a peer that does not read, with 1013, at the send that finds no room; False: that send is refused only.",
    )
    compression = Setting(flag, "Accept permessage-deflate; False.")
    compression_threshold = Setting(count, "Messages of fewer bytes go uncompressed; 256.")
    allowed_origins = Setting(
        lines_or_none,
        'Values of `Origin` that may connect (`"https://game.example"`); None: all. Programs send none and are let in.',
    )
    allowed_paths = Setting(lines_or_none, "Paths that can be upgraded, others get 404; None: all.")
    message_rate = Setting(
        rate,
        "Messages a second that are taken from a peer, twice as many at once; over it reading pauses, and TCP holds "
        "the peer back; 0.0: any number.",
    )
    byte_rate = Setting(rate, "Bytes a second from a peer, likewise; 0.0: any number.")
    max_connections_per_address = Setting(
        count, "Connections from one address (IPv6: one /64), open or on the way to it; 0: any number."
    )
    connection_rate = Setting(rate, "New ones a second from one address, twice as many at once; 0.0: any number.")
    max_pending = Setting(count, "Connections that are not open yet, of all addresses; 0: any number.")
    max_refused = Setting(
        count,
        "In multiplayer mode, packets and calls of one peer that may be refused at once, and in each minute after; "
        "with one more it is disconnected, with 1008; 0: any number.",
    )
