"""`gdpeer swarm`: runs many bots against a server, and prints their measurements.

This is the command: it spreads the bots over processes and shows the progress. `gdpeer.inspection.swarm` runs the bots
of one process.

Layer: `cli`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

import click

from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import COUNT, FILE, NUMBER, SECONDS, protocols_option, trust_options
from gdpeer.cli.screen import is_terminal, terminal_console
from gdpeer.inspection.swarm import Outcome, Script, ScriptError, Swarm, Target
from gdpeer.protocol.url import parse_url
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["swarm"]

EXAMPLES = """\b
Examples:
  gdpeer swarm bot.py --url ws://localhost:8910 --clients 1000 --ramp 20
  gdpeer swarm bot.py --url ws://localhost:8910 --clients 4000 --processes 4

\b
A script, where class Main has the game's methods (demos/swarm has complete scripts):
  async def bot(tree, index):
      main = Main(name="Main")
      tree.root.add_child(main)
      await tree.multiplayer.connected_to_server
      main.greet.rpc_id(1, f"bot {index}")
      await asyncio.sleep(10)              # the bot leaves when bot() returns"""

UPDATE = 0.1
"""Seconds between two updates of the progress, and so the longest delay of Ctrl-C."""

LINE = 5.0
"""Seconds between two lines of progress if there is no terminal."""

DESCRIPTORS = 2
"""File descriptors of one bot: its socket, and one to wait for the socket."""

RESERVE = 64
"""File descriptors for everything else."""

PER_SECOND = 100
"""Bots that connect per second by default; a Godot server accepts few at a time."""


@click.command(epilog=EXAMPLES)
@click.argument("script", type=FILE)
@click.option("--url", required=True, metavar="URL", help="The server: ws:// or wss://.")
@click.option("--clients", default=10, show_default=True, type=COUNT, help="Number of bots.")
@click.option("--ramp", type=SECONDS, help="Time in which the bots join.  [default: 100 bots per second]")
@click.option("--duration", type=SECONDS, help="End after this time.  [default: when all bots have left]")
@click.option("--processes", default=1, show_default=True, type=COUNT, help="Spread the bots over N processes.")
@click.option("--godot3", is_flag=True, help="The server is a Godot 3 game.")
@protocols_option("Sub-protocol to offer; repeatable.")
@trust_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--worker", default=-1, type=NUMBER, hidden=True, help="Of --processes: the number of the first bot.")
def swarm(
    script: Path,
    url: str,
    clients: int,
    ramp: float | None,
    duration: float | None,
    processes: int,
    godot3: bool,
    protocols: tuple[str, ...],
    tls: TLSOptions | None,
    as_json: bool,
    worker: int,
) -> int:
    """Run many bots of a Python script against a server.

    The server is a Godot 4, Godot 3 or gdpeer program. SCRIPT defines async def bot(tree), or a class Bot with async
    def run(self). Both start before the bot connects. Pings measure the round-trip times, unless the bot yields its own
    times in seconds. The status is 1 if a bot fails, and 130 if Ctrl-C comes before the first bot has joined.
    """
    output = sys.stdout  # redirected below, and the first process reads the outcomes here
    try:
        parse_url(url)  # else each bot would report the mistake
        with redirect_stdout(sys.stderr):  # keep the scripts' own output apart from the result
            found = Script(script)
    except (ValueError, ScriptError) as error:
        raise click.UsageError(str(error)) from error
    target = Target(url, "godot3" if godot3 else "godot4", tls, protocols)
    ramp = clients / PER_SECOND if ramp is None else ramp
    allow_files(DESCRIPTORS * -(-clients // processes) + RESERVE)  # rounded up: the largest share of a process
    # Each bot would log the same errors of the server.
    logging.getLogger("gdpeer.multiplayer").setLevel(logging.CRITICAL)
    with Stop() as stop, redirect_stdout(sys.stderr):
        if processes > 1:
            outcome = asyncio.run(play_in_processes(clients, processes, ramp, stop))
        else:
            report = progress_display(clients) if worker < 0 else report_to_parent(output)
            bots = Swarm(found, target, max(0, worker))
            try:
                outcome = asyncio.run(play(bots, clients, ramp, duration, stop, report))
            except ScriptError as error:
                raise click.UsageError(str(error)) from error
    if worker < 0:
        click.echo(json.dumps(result(outcome))) if as_json else show(outcome)
    if worker < 0 and stop.requested and not outcome.joined and not outcome.errors:
        return INTERRUPTED
    return 1 if outcome.errors else 0


def allow_files(wanted: int) -> None:
    """Raises the process's limit of file descriptors.

    Raises:
        Failure: the system does not allow this many.
    """
    if sys.platform == "win32":  # has no limit of this kind
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise Failure(
            f"the bots need {wanted} descriptors, and the system allows {hard}: use fewer --clients or more --processes"
        )
    # Never lower the limit; a negative limit stands for unlimited.
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)) if soft >= 0 else soft, hard))


# -- running ----------------------------------------------------------------------------------------------------------

Report = Callable[[Outcome], object]


async def play(bots: Swarm, clients: int, ramp: float, duration: float | None, stop: Stop, report: Report) -> Outcome:
    """Runs the bots of this process until all have left, the time is up, or a stop is requested.

    Args:
        bots: to run.
        clients: number of bots.
        ramp: seconds over which they connect.
        duration: seconds after which they leave; None waits for all.
        stop: ends the run.
        report: called with the outcome so far, every 0.1 seconds and at the end.

    Raises:
        ScriptError: `bot` or `Bot.run` is not asynchronous.
    """
    end = time.monotonic() + duration if duration is not None else float("inf")
    life = asyncio.ensure_future(bots.run(clients, ramp))
    while not life.done() and not stop.requested and time.monotonic() < end:
        await asyncio.wait((life,), timeout=UPDATE)
        report(bots.outcome)
    life.cancel()  # no effect if all bots have left
    await asyncio.wait((life,))  # unlike `await life`, raises nothing if the bots were cancelled
    if not life.cancelled():
        life.result()
    report(bots.outcome)
    return bots.outcome


def report_to_parent(output: TextIO) -> Report:
    """Returns a function that sends each outcome as a line of JSON to the first process, for the other processes."""

    def report(outcome: Outcome) -> None:
        print(json.dumps(outcome.to_json()), file=output, flush=True)

    return report


async def play_in_processes(clients: int, processes: int, ramp: float, stop: Stop) -> Outcome:
    """Runs the bots in several processes, and returns their outcomes added together."""
    shares = [clients // processes + (index < clients % processes) for index in range(processes)]
    firsts = [sum(shares[:index]) for index in range(processes)]
    workers = [await start(share, first, ramp) for share, first in zip(shares, firsts, strict=True) if share]
    outcomes = [Outcome() for _ in workers]
    report = progress_display(clients)

    async def follow(index: int) -> None:
        stream = workers[index].stdout
        assert stream is not None
        while line := await stream.readline():
            outcomes[index] = Outcome.of_json(json.loads(line))

    following = asyncio.gather(*(follow(index) for index in range(len(workers))))
    while not following.done():
        await asyncio.wait((following,), timeout=UPDATE)
        report(total_of(outcomes))
        if stop.requested:
            for one in workers:
                # SIGTERM lets the process print its last outcome, which is read below.
                if one.returncode is None:
                    one.terminate()
            break
    await following
    failed = [await one.wait() for one in workers]
    total = total_of(outcomes)
    # A process that was still starting had no handler for the signal, which then ended it.
    expected = (0, 1, INTERRUPTED, -signal.SIGINT, -signal.SIGTERM) if stop.requested else (0, 1)
    broken = sum(status not in expected for status in failed)
    if broken:
        total.errors["a process of bots failed"] += broken
    return total


async def start(share: int, first: int, ramp: float) -> asyncio.subprocess.Process:
    """Starts a process of `share` bots, numbered from `first` on, with the options of this process."""
    # A later option overrides an earlier one, so the own options can simply follow.
    words = [word for word in sys.argv[1:] if word != "--json"]
    own = ["--processes", "1", "--clients", str(share), "--worker", str(first), "--ramp", str(ramp)]
    # An outcome with many causes of errors makes a line that is longer than the usual limit of 64 KiB.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gdpeer.cli", *words, *own, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )


def total_of(outcomes: list[Outcome]) -> Outcome:
    """Returns the sum of several outcomes."""
    total = Outcome()
    for one in outcomes:
        total.merge(one)
    return total


# -- showing ----------------------------------------------------------------------------------------------------------


def progress_display(clients: int) -> Report:
    """Returns a function that shows the progress on standard error: a bar on a terminal, else lines."""
    return progress_bar(clients) if is_terminal(sys.stderr) else progress_lines(clients)


def progress_bar(clients: int) -> Report:
    """Returns a function that moves a bar on the terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # Transient: the result takes the place of the bar.
    progress = Progress(*columns, console=terminal_console(stderr=True), transient=True)
    task = progress.add_task("", total=clients)
    progress.start()

    def report(outcome: Outcome) -> None:
        progress.update(task, completed=outcome.joined, description=progress_text(outcome, clients))
        if outcome.done + outcome.errors.total() == clients:
            progress.stop()

    click.get_current_context().call_on_close(progress.stop)  # an error, too, must leave a terminal with a cursor
    return report


def progress_lines(clients: int) -> Report:
    """Returns a function that prints the progress every five seconds."""
    last = time.monotonic()

    def report(outcome: Outcome) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE:
            last = time.monotonic()
            click.echo(progress_text(outcome, clients), err=True)

    return report


def progress_text(outcome: Outcome, clients: int) -> str:
    """Returns the progress in words."""
    return f"{outcome.joined} of {clients} joined, {outcome.done} left, {outcome.errors.total()} failed"


def result(outcome: Outcome) -> dict[str, Any]:
    """Returns the figures for `--json`, with durations in milliseconds."""
    spreads = {"join": outcome.joins, "round_trip": outcome.trips}
    figures = {
        f"{name}_{word}_ms": round(1000 * durations.quantile(share), 3)
        for name, durations in spreads.items()
        for word, share in (("p50", 0.5), ("p99", 0.99))
    }
    counts = {"begun": outcome.begun, "joined": outcome.joined, "left": outcome.done}
    trips = {"round_trips": len(outcome.trips), "round_trips_of": "the script" if outcome.measured else "pings"}
    return {**counts, "failed": outcome.errors.total(), **figures, **trips, "errors": dict(outcome.errors)}


def show(outcome: Outcome) -> None:
    """Prints the figures as a table, and the causes of failures below it."""
    from rich.table import Table

    found = result(outcome)
    table = Table(show_header=True)
    for heading in ("", "number", "p50", "p99"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in ("begun", "joined", "left", "failed"):
        table.add_row(name, str(found[name]), "", "")
    table.add_row(
        "time to join", str(len(outcome.joins)), *(f"{found[f'join_{word}_ms']} ms" for word in ("p50", "p99"))
    )
    words = (f"{found[f'round_trip_{word}_ms']} ms" for word in ("p50", "p99"))
    table.add_row(f"round trips of {found['round_trips_of']}", str(found["round_trips"]), *words)
    console = terminal_console()
    console.print(table)
    for cause, number in outcome.errors.most_common():
        console.print(f"{number} x {cause}", markup=False, highlight=False)
