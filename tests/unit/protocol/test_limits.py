"""The limits are those that the documentation states."""

from __future__ import annotations

from dataclasses import asdict

from gdpeer.protocol.limits import DEFAULT_LIMITS, MAX_CONTROL_PAYLOAD, MAX_REASON, Limits


def test_defaults() -> None:
    assert asdict(Limits()) == {
        "max_message_size": 65_535,
        "max_queued_bytes": 65_535,
        "max_queued_packets": 4_096,
        "max_fragments": 131_072,
        "max_pending_control": 16_384,
        "max_head_size": 16_384,
        "max_body_size": 65_536,
    }
    assert Limits() == DEFAULT_LIMITS
    assert (MAX_CONTROL_PAYLOAD, MAX_REASON) == (125, 123)
