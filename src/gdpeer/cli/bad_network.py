"""`gdpeer bad-network`: imitates a bad network between a game and its server.

This is the command; the faults are made in `gdpeer.inspection.bad_network`.

Layer: `cli`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click

from gdpeer.cli.options import NUMBER
from gdpeer.cli.tunnels import make_tunnel, open_tunnel, run, tunnel_options
from gdpeer.cli.units import PERCENT, RATE, STALL, TIME
from gdpeer.inspection.bad_network import SYNC, BadTunnel, Conditions
from gdpeer.inspection.direction import Direction
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.rows import redacted
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused
from gdpeer.terminal.lines import check_output, print_line
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["bad_network"]

SIDES = {Direction.TO_SERVER: "the client", Direction.TO_CLIENT: "the server", None: "the bad line"}


class Log:
    """Prints a line for each connection that opens or ends, and sums at the end."""

    def __init__(self) -> None:
        self._passed: Counter[Direction] = Counter()

    def see(self, events: Iterable[Event]) -> None:
        """Prints events of connections, and counts the messages among the events."""
        for event in events:
            if isinstance(event, Passed):
                self._passed[event.direction] += not event.is_lost  # True counts as 1
            else:
                print_line(f"{event.time:9.3f}  #{event.line} {in_words(event)}")
        check_output()

    def report(self, lost: Counter[str]) -> None:
        """Prints how many messages passed and how many were lost, by label."""
        sums = (f"{self._passed[direction]} {direction.value.replace('_', ' ')}" for direction in Direction)
        print_line(f"Messages passed: {', '.join(sums)}; lost: {lost.total()}")
        for label, count in lost.most_common():
            print_line(f"{count:>9}  {label}")
        check_output()


def in_words(event: Opened | Ended | Refused) -> str:
    """Returns an event of a connection in words."""
    match event:
        case Opened():
            return f"open {redacted(event.target)}"
        case Ended():
            how = f"with {event.code} {event.reason}".rstrip() if event.code >= 0 else "without a close frame"
            return f"ended by {SIDES[event.direction]} {how}"
        case Refused():
            return f"refused: {event.why}"


EXAMPLES = """\b
Examples:
  gdpeer bad-network --listen 8911 --to ws://localhost:8910 --delay 80ms --jitter 20ms
  gdpeer bad-network --listen 8911 --to ws://localhost:8910 --rate 256k --stall 2s/30s
  gdpeer bad-network --listen 8911 --to ws://localhost:8910 --cut-after 60s
  gdpeer bad-network --listen 8911 --to ws://localhost:8910 --loss-unreliable 2% \\
      --names my_game/ --unreliable 'Main/Player*:move'"""


@click.command(epilog=EXAMPLES)
@tunnel_options
@click.option("--delay", default=0.0, type=TIME, help="Delay each message, in each direction: 80ms.")
@click.option("--jitter", default=0.0, type=TIME, help="Vary the delay by up to this time: 20ms.")
@click.option("--rate", default=0.0, type=RATE, help="Limit each direction per second: 256k (bits) or 32kB.")
@click.option("--stall", default=(0.0, 0.0), type=STALL, help="Hold all messages for 2 s every 30 s: 2s/30s.")
@click.option("--cut-after", default=0.0, type=TIME, help="Break each connection after this time: 60s.")
@click.option("--loss-unreliable", "loss", type=PERCENT, help="Drop this share of the unreliable messages: 2%.")
@click.option(
    "--unreliable", multiple=True, metavar="GLOB", help="Messages that may be dropped; repeatable.  [default: sync]"
)
@click.option("--seed", type=NUMBER, help="Make the random choices repeatable.")
def bad_network(
    port: int,
    to: str,
    host: str,
    tls: TLSOptions | None,
    dialect: str,
    names: MethodNames,
    delay: float,
    jitter: float,
    rate: float,
    stall: tuple[float, float],
    cut_after: float,
    loss: float | None,
    unreliable: tuple[str, ...],
    seed: int | None,
) -> None:
    """Simulate a bad network between a game and its server.

    The game connects to PORT instead of its server. Messages stay in order. To drop messages, name the messages that
    the game sends as unreliable: the wire does not say which calls are unreliable.
    """
    if unreliable and loss is None:  # 0% is allowed, to compare runs with and without losses
        raise click.UsageError("--unreliable needs --loss-unreliable")
    conditions = Conditions(delay, jitter, rate, *stall, cut_after, loss or 0.0, unreliable or (SYNC,))
    tunnel = make_tunnel(BadTunnel, to, tls, conditions, dialect, names, seed)
    with Stop() as stop:
        print_line(f"gdpeer bad-network: {open_tunnel(tunnel, host, port)} to {redacted(to)}")
        log = Log()
        run(tunnel, stop, log.see)
        log.report(tunnel.lost)
