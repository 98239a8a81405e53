"""What can be set about a session of peers with ids, as its server or as its client.

Layer: `websocket`. Source: reference godot-api section 5 for names and defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gdpeer.websocket.opening.redirects import redirect_count
from gdpeer.websocket.settings import (
    Configurable,
    Setting,
    Settings,
    count,
    flag,
    lines,
    lines_or_none,
    names,
    rate,
    seconds,
)

__all__ = ["SessionSettings", "SessionValues"]


@dataclass(slots=True)
class SessionValues(Settings):
    """Also `godot3_protocols`: those of `supported_protocols`, or more, whose clients speak "godot3"."""

    godot3_protocols: tuple[str, ...] = ()


def _some_seconds(value: Any) -> float:
    found = seconds(value)
    if not found:
        raise ValueError("must be more than 0")
    return found


class SessionSettings(Configurable):
    """The properties of `WebSocketMultiplayerPeer` that count for connections which come after they are set."""

    __slots__ = ()

    handshake_headers = Setting(lines, "`Name: value` lines added to the request (client) or response (server); ().")
    supported_protocols = Setting(names, "Sub-protocols offered or accepted, the most wanted first; ().")
    inbound_buffer_size = Setting(count, "Bytes of the largest packet, and of what may wait unread; 65,535.")
    outbound_buffer_size = Setting(count, "Bytes that may wait to be sent to one peer; 65,535; 0: no limit.")
    max_queued_packets = Setting(count, "Packets that may wait, each way, for one peer; 4,096.")
    close_on_backpressure = Setting(flag, "Close who does not read with 1013; see `WebSocketServer`; False.")
    handshake_timeout = Setting(
        _some_seconds, "Seconds, not 0: on a client from `create_client` to its id, on a server for each upgrade; 3."
    )
    close_timeout = Setting(seconds, "Seconds for the answer to a close; 10.")
    heartbeat_interval = Setting(seconds, "Seconds between pings to each peer; 0.0: none.")
    compression = Setting(flag, "Offer or accept permessage-deflate; False.")
    compression_threshold = Setting(count, "Packets of fewer bytes go uncompressed; 256.")
    max_redirects = Setting(redirect_count, "On a client: see `WebSocketPeer`; 0.")
    message_rate = Setting(rate, "Packets a second that are taken from a peer; see `WebSocketServer`; 0.0: any number.")
    byte_rate = Setting(rate, "Bytes a second, likewise; 0.0: any number.")
    max_connections_per_address = Setting(count, "On a server: see `WebSocketServer`; 0: any number.")
    connection_rate = Setting(rate, "On a server: see `WebSocketServer`; 0.0: any number.")
    max_pending = Setting(count, "On a server: see `WebSocketServer`; 0: any number.")
    max_refused = Setting(count, "On a server: see `WebSocketServer`; 0: any number.")
    allowed_origins = Setting(lines_or_none, "On a server: values of `Origin` that may connect; None: all.")
    godot3_protocols = Setting(
        names, 'Sub-protocols whose clients speak "godot3", on a server that speaks both; accepted as well; ().'
    )
