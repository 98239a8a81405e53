"""Lengths that frames announce, up to the largest: no sum of them passes a limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.limits import Limits
from tests.unit.protocol.support import feed

LENGTHS = [2**63 - 1, 2**63 - 2, 2**62, 2**32, 2**31, 65_536]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("fragments", [0, 1, 3])
@pytest.mark.parametrize("limit", [0, 3, 1000, 2**70])
def test_fragment_that_passes_the_limit_is_refused(length: int, fragments: int, limit: int) -> None:
    connection = Connection(True, limits=Limits(max_message_size=limit))
    feed(connection, b"\x02\x01a" + b"\x00\x01a" * (fragments - 1) if fragments else b"")
    feed(connection, bytes([0x80 if fragments else 0x82, 127]) + length.to_bytes(8, "big"))
    is_too_big = length + fragments > min(limit, sys.maxsize >> 3)
    assert connection.phase == (Phase.CLOSED if is_too_big else Phase.OPEN)
    assert connection.close_code == (1009 if is_too_big else -1)


PROGRAM = """
import sys

sys.maxsize = 2**31 - 1
from gdpeer.protocol.connection import Connection
from gdpeer.protocol.limits import Limits

for length in (2**29, 2**31 - 1, 2**31, 2**32 + 5, 2**62):
    connection = Connection(True, limits=Limits(max_message_size=2**70))
    data = bytearray(b"\\x82\\x7f" + length.to_bytes(8, "big"))
    connection.receive_data(data, len(data))
    print(connection.close_code)
"""


def test_lengths_that_a_small_machine_cannot_hold_are_refused() -> None:
    """Where a C integer for sizes has 32 bits."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.split() == ["1009", "1009", "1002", "1002", "1002"]
