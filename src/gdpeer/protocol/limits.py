"""Every limit of the protocol layer, its default and the reason for it.

A limit is checked before memory is taken. The engine-shaped classes set the ones that the engine has properties for.

Layer: `protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "MAX_CONTROL_PAYLOAD", "MAX_REASON", "Limits"]

MAX_CONTROL_PAYLOAD = 125
"""RFC 6455 section 5.5."""

MAX_REASON = 123
"""Bytes of UTF-8 in a close reason: a control frame less the code (RFC 6455 section 5.5.1)."""


@dataclass(slots=True)
class Limits:
    """What one connection may cost.

    Attributes:
        max_message_size: bytes of one inbound message after inflation. The engine's `inbound_buffer_size`: 65,535.
        max_queued_bytes: bytes of messages parsed but not read yet; beyond it nothing more is parsed, and TCP's
            back-pressure reaches the sender. A message is always let in whole, so up to one message more can be held.
        max_queued_packets: messages parsed but not read yet, likewise. The engine's: 4,096.
        max_fragments: frames of one message. 131,072 lets a 8 MiB message come in pieces of 64 bytes, which the
            conformance suite does with 4 MiB, and ends a stream of empty fragments.
        max_pending_control: bytes of pongs that may wait to be sent; beyond it only the newest ping is answered
            (RFC 6455 section 5.5.3 allows that), so that a flood of pings cannot fill memory.
        max_head_size: bytes of an HTTP request or response head. The engine allows 4,096; browsers with cookies send
            more, so 16,384.
        max_body_size: bytes of the body of a plain HTTP request, 65,536.
    """

    max_message_size: int = 65_535
    max_queued_bytes: int = 65_535
    max_queued_packets: int = 4_096
    max_fragments: int = 131_072
    max_pending_control: int = 16_384
    max_head_size: int = 16_384
    max_body_size: int = 65_536


DEFAULT_LIMITS = Limits()
