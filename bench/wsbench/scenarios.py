"""The scenarios: the load of each, and the figure to read from its samples."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """The figure to read from the samples of a scenario."""

    name: str
    key: str
    higher_is_better: bool


class Scenario(NamedTuple):
    """One scenario.

    Attributes:
        unit: the figure to read from its samples.
        load: the arguments of `wsload`; empty if clients are measured.
        size: bytes of a message, if clients are measured.
    """

    unit: Unit
    load: str = ""
    size: int = 0

    @property
    def words(self) -> str:
        return f"({self.load})" if self.load else f"(one connection, {self.size} bytes)"

    @property
    def cpu_key(self) -> str:
        return "server_us_per_op" if self.load else "cpu_us_per_op"


_RATE = Unit("messages/s", "per_s", True)
_ROUND_TRIP = Unit("us", "p50_us", False)
_TRIPS = Unit("round trips/s", "per_s", True)
_DELIVERIES = Unit("deliveries/s", "per_s", True)

SCENARIOS = {
    "latency-1": Scenario(_ROUND_TRIP, "echo -c 1 -w 1 -s 32 --text"),
    "latency-paced": Scenario(_ROUND_TRIP, "echo -c 1 -w 1 -s 32 --text --think 200"),
    "echo-small": Scenario(_RATE, "echo -c 16 -w 1 -s 32 --text"),
    "echo-small-pipe": Scenario(_RATE, "echo -c 16 -w 16 -s 32 --text"),
    "echo-1k": Scenario(_RATE, "echo -c 16 -w 4 -s 1024 --text"),
    "echo-64k": Scenario(_RATE, "echo -c 16 -w 1 -s 65536 --binary"),
    "echo-1m": Scenario(_RATE, "echo -c 4 -w 1 -s 1048576 --binary"),
    "echo-utf8": Scenario(_RATE, "echo -c 16 -w 4 -s 16384 --utf8"),
    "fanout-100": Scenario(_DELIVERIES, "fanout -c 100 -w 4 -s 64 --text"),
    "fanout-1000": Scenario(_DELIVERIES, "fanout -c 1000 -w 4 -s 64 --text"),
    "connect": Scenario(Unit("connections/s", "per_s", True), "connect -c 16"),
    "idle-mem": Scenario(Unit("bytes a connection", "bytes_per_conn", False), "idle -c 2000"),
    "client-rtt-32": Scenario(_TRIPS, size=32),
    "client-rtt-64k": Scenario(_TRIPS, size=65536),
}
"""The scenarios in the order of the tables."""

UNITS = {name: scenario.unit for name, scenario in SCENARIOS.items()}
QUICK = ("latency-1", "echo-small", "echo-small-pipe", "echo-64k")
"""The scenarios of `--quick`."""
