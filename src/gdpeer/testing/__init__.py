"""Tests rooms without a port: a hall in memory, players, and a clock that the test moves.

    def test_a_greeting_is_answered():
        hall = MemoryHall([Arena])
        room = hall.create("arena")
        main = Main(name="Main")
        ann = hall.join(room, main)
        main.greet.rpc_id(1, "Ann")
        hall.run(0.1)
        assert main.greeted == ["hello Ann"]

All bytes are those of the wire: handshakes, frames and packets cross streams in memory. Nothing waits: time passes only
in `run`, so a grace of 20 seconds costs a test some milliseconds.

Layer: beside `aio`, above `rooms`.
"""

from gdpeer.clock import ManualClock
from gdpeer.testing.hall import MemoryHall
from gdpeer.testing.player import Player

__all__ = ["ManualClock", "MemoryHall", "Player"]
