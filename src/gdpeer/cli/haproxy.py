"""`gdpeer haproxy`: keeps a HAProxy in front of several machines in step with the workers of a cluster.

Layer: `cli`.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import Parsed, quoted
from gdpeer.cli.serve import BROKER, BROKER_URL, NAMESPACE, broker_of_variable
from gdpeer.cli.serving import TURN
from gdpeer.cluster.broker.base import Broker
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.directory import Directory
from gdpeer.cluster.haproxy import Admin, Follower, Wanted, check_path, configuration, wanted
from gdpeer.cluster.timers import Timers
from gdpeer.terminal.lines import check_output
from gdpeer.terminal.stopping import Stop
from gdpeer.transport.poller import Poller

__all__ = ["ADMIN", "BIND", "MAP", "haproxy", "print_configuration"]

BIND = ":80"
ADMIN = "/run/haproxy/gdpeer.sock"
MAP = "/etc/haproxy/gdpeer.map"
INTERVAL = 1.0
"""Seconds between two looks whether HAProxy was started again."""

EXAMPLES = """\b
Examples:
  gdpeer haproxy --print > /etc/haproxy/haproxy.cfg
  GDPEER_BROKER=redis://10.0.0.2 gdpeer haproxy"""


def parse_bind(text: str) -> str:
    """Returns what may follow `bind` in a configuration of HAProxy: it has an address, and is one line."""
    if not re.fullmatch(r"[^\s#]*:\d+( [ -~]*)?", text):
        raise ValueError(f"expected an address such as :443 or '10.0.0.1:443 ssl crt FILE', got {quoted(text)}")
    return text


PATH = Parsed("path", check_path)
ADDRESS = Parsed("address", parse_bind)


class Watching:
    """The directory of a cluster, for a process that is no worker.

    Args:
        url: of the broker.
        namespace: of the cluster.

    Attributes:
        directory: the copy of the directory.
        broker: the broker.
    """

    def __init__(self, url: str, namespace: str) -> None:
        self._poller = Poller()
        self._soon: deque[Callable[[], object]] = deque()
        self.broker: Broker = open_broker(url, namespace, self._run_soon)
        timers = Timers(self._poller.clock, time.time, self._poller.call_at)
        self.directory = Directory(self.broker, timers, "haproxy")
        self.broker.on_change = self._changed
        self.directory.start()
        self._changed()

    def _run_soon(self, callback: Callable[[], object]) -> None:
        self._soon.append(callback)
        self._poller.wake()

    def _changed(self) -> None:
        if self.broker.is_connected:
            self.directory.note_returned()

    def turn(self, timeout: float) -> None:
        """Waits for news of the broker, and takes them."""
        self._poller.turn(0.0 if self._soon else timeout)
        for _ in range(len(self._soon)):
            self._soon.popleft()()

    def close(self) -> None:
        """Leaves the broker, and closes the poller."""
        self.directory.close()
        self.broker.close()
        self._poller.close()


def print_configuration(bind: str, admin: str, map_file: str) -> None:
    """Prints the configuration of HAProxy."""
    click.echo(configuration(bind, admin, map_file), nl=False)


def describe(wish: Wanted) -> str:
    """Returns a line about what HAProxy does now."""
    up = sum(wish.machines.values())
    line = f"HAProxy is in step: {up} of {len(wish.machines)} machines take new players, {len(wish.shards)} shards"
    if not wish.lost:
        return line
    some = ", ".join(wish.lost[:3]) + (", ..." if len(wish.lost) > 3 else "")
    return f"{line}; without --address in gdpeer serve, so that nobody is led there: {some}"


def follow(watching: Watching, follower: Follower, stop: Stop) -> None:
    """Keeps HAProxy in step until a signal comes."""
    told, next_look = "", 0.0
    former: Wanted | None = None
    while not stop.requested:
        watching.turn(TURN)
        check_output()
        directory = watching.directory
        if not directory.is_whole:  # a machine that is not known yet must not lose its players
            continue
        wish = wanted(directory.workers, directory.owners)
        now = time.monotonic()
        if wish == former and now < next_look:
            continue
        next_look = now + INTERVAL
        former = wish if follower.apply(wish) else None
        if former is not None and describe(wish) != told:
            told = describe(wish)
            click.echo(told)


@click.command(epilog=EXAMPLES)
@click.option("--broker", type=BROKER_URL, help=f"The broker of the cluster.  [default: the variable {BROKER}]")
@click.option("--namespace", default="gdpeer", show_default=True, type=NAMESPACE, help="As in gdpeer serve.")
@click.option("--admin", type=PATH, default=ADMIN, show_default=True, help="HAProxy's socket for commands.")
@click.option(
    "--map", "map_file", type=PATH, default=MAP, show_default=True, help="The map file in HAProxy's configuration."
)
@click.option("--bind", type=ADDRESS, default=BIND, show_default=True, help="With --print: where players connect.")
@click.option("--print", "is_print", is_flag=True, help="Print a configuration of HAProxy, and end.")
def haproxy(broker: str | None, namespace: str, admin: str, map_file: str, bind: str, is_print: bool) -> None:
    """Keep a HAProxy in front of many machines in step with the workers.

    HAProxy sends each player to the machine that has the room. This command tells HAProxy about machines that come, go
    or drain, while players stay connected. Run it on the machine of HAProxy, beside HAProxy.
    """
    if is_print:
        print_configuration(bind, admin, map_file)
        return
    broker = broker or broker_of_variable()
    if broker is None:
        raise click.UsageError(f"name the broker with --broker or in the variable {BROKER}")
    try:
        watching = Watching(broker, namespace)
    except (ValueError, ImportError) as error:
        raise Failure(str(error)) from error
    if not Path(map_file).exists():
        click.echo(f"There is no file {map_file}: HAProxy needs one to start, and it may be empty", err=True)
    with Stop() as stop:
        click.echo("Waiting for the broker")
        follow(watching, Follower(Admin(admin).ask, map_file), stop)
        watching.close()
