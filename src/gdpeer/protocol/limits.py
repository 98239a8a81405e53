"""The limits of the protocol layer: their defaults, and the reason for each default.

Each limit is checked before memory is taken. The classes of the engine's API set the limits that the engine has
properties for.

Layer: `protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "MAX_CONTROL_PAYLOAD", "MAX_REASON", "Limits"]

MAX_CONTROL_PAYLOAD = 125
"""Bytes in the payload of a ping, pong or close frame (RFC 6455 section 5.5)."""

MAX_REASON = 123
"""Bytes of UTF-8 in a close reason: a control frame's payload less the 2 bytes of the code (RFC 6455 section 5.5.1)."""


@dataclass(slots=True)
class Limits:
    """The memory and work that one connection may cause.

    Attributes:
        max_message_size: bytes of one inbound message after inflation. The engine's `inbound_buffer_size`: 65,535.
        max_queued_bytes: bytes of messages that were parsed and not read yet. A full queue stops the parser, and TCP's
            back-pressure then reaches the sender. A message is always let in whole, so the queue can exceed this limit
            by up to one message.
        max_queued_packets: messages that were parsed and not read yet; a full queue stops the parser. The engine's:
            4,096.
        max_fragments: frames of one message. 131,072 lets an 8 MiB message arrive in pieces of 64 bytes (the
            conformance suite does this with 4 MiB), and ends a stream of empty fragments.
        max_pending_control: bytes of pongs that may wait to be sent. Beyond this limit only the newest ping is answered
            (RFC 6455 section 5.5.3 allows that), so that a flood of pings cannot fill memory.
        max_head_size: bytes of an HTTP request or response head. The engine allows 4,096; browsers with cookies send
            more, so the default is 16,384.
        max_body_size: bytes of the body of a plain HTTP request: 65,536.
    """

    max_message_size: int = 65_535
    max_queued_bytes: int = 65_535
    max_queued_packets: int = 4_096
    max_fragments: int = 131_072
    max_pending_control: int = 16_384
    max_head_size: int = 16_384
    max_body_size: int = 65_536


DEFAULT_LIMITS = Limits()
