"""Tests games without waiting: players in memory, halls without a port, a real engine, and a clock that the test moves.

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

`gdpeer.testing.plugin` has fixtures for pytest, which loads the plugin in every project with gdpeer: so this package
imports its modules when a program asks for their names.

Layer: beside `aio`, above `rooms`.
"""

import typing

from gdpeer.lazy_names import lazy_names

if typing.TYPE_CHECKING:
    from gdpeer.clock import ManualClock as ManualClock
    from gdpeer.testing.engine import Godot as Godot
    from gdpeer.testing.engine import GodotRun as GodotRun
    from gdpeer.testing.errors import ErrorLog as ErrorLog
    from gdpeer.testing.game import MemoryGame as MemoryGame
    from gdpeer.testing.hall import MemoryHall as MemoryHall
    from gdpeer.testing.player import Player as Player
    from gdpeer.testing.recorder import Call as Call
    from gdpeer.testing.server import LocalServer as LocalServer
else:
    _NAMES = {
        "clock": "ManualClock",
        "testing.engine": "Godot GodotRun",
        "testing.errors": "ErrorLog",
        "testing.game": "MemoryGame",
        "testing.hall": "MemoryHall",
        "testing.player": "Player",
        "testing.recorder": "Call",
        "testing.server": "LocalServer",
    }
    __all__, __getattr__, __dir__ = lazy_names(__name__, _NAMES)
