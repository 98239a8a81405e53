"""`gdpeer arena`: hosts the real-time game of the demos, and runs bots in it.

Layer: `cli`.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import FOLDER, Parsed, number, port_option
from gdpeer.cli.serving import DRAIN, TURN, Place, address, page_addresses, place_options, show_page_code
from gdpeer.demos.arena import PORT
from gdpeer.demos.arena.bots import Bots
from gdpeer.demos.arena.pages import Pages
from gdpeer.demos.arena.server import MOST_PLAYERS, ArenaServer
from gdpeer.errors import Error
from gdpeer.terminal.lines import check_output, print_line
from gdpeer.terminal.stopping import Stop

__all__ = ["arena"]

BOTS = Parsed("n", number(0, MOST_PLAYERS, f"a number of bots from 0 to {MOST_PLAYERS}"))
PAUSE = 1 / 60
"""Seconds between two polls of bots without a server."""

EXAMPLES = """\b
Examples:
  gdpeer arena                    host; play in a browser or in Godot
  gdpeer arena --bots 20          with 20 bots
  gdpeer arena --lan              let other machines connect, with a QR code for phones
  gdpeer arena --join ws://localhost:8082 --bots 20
                                  20 bots on a server that runs elsewhere

\b
Play with the Godot project in demos/arena/godot4."""


def open_arena(server: ArenaServer, place: Place, port: int, pages: Pages) -> None:
    """Begins to host, and prints the addresses for the players.

    Raises:
        Failure: the port cannot be opened.
    """
    error = server.listen(port, place.bind_ip, pages=pages, origins=place.origins)
    if error is not Error.OK:
        raise Failure(server.peer.get_listen_error() or f"cannot host: {error.name}")
    own = server.peer.get_local_port()
    for name, where in [("Godot 4 and bots:", address("ws", place.host, own)), *page_addresses(place.host, own)]:
        click.echo(f"{name:<20}{where}")
    show_page_code(place, own)
    if pages.problem:
        click.echo(f"The page needs Pyodide: {pages.problem}")


def join(bots: Bots, url: str) -> None:
    """Begins to connect all bots.

    Raises:
        click.UsageError: `url` is not a WebSocket URL.
        Failure: the connections cannot be begun.
    """
    error = bots.join(url)
    if error is Error.ERR_INVALID_PARAMETER:  # a mistake in the command line, so status 2
        raise click.UsageError(f"cannot join {url}: {bots.bots[0].guest.peer.get_close_cause().detail}")
    if error is not Error.OK:
        raise Failure(f"cannot join {url}: {error.name}")


def host(server: ArenaServer, bots: Bots, stop: Stop) -> None:
    """Runs the server, and bots beside it, until a stop is requested."""
    while not stop.requested:
        server.poll(TURN)
        bots.poll()
        check_output()


def play(bots: Bots, stop: Stop) -> None:
    """Runs bots alone until all have left, or a stop is requested."""
    while not (stop.requested or bots.left):
        bots.poll()
        time.sleep(PAUSE)


@click.command(epilog=EXAMPLES)
@place_options
@port_option(PORT)
@click.option("--bots", default=0, type=BOTS, show_default=True, help="Also play with this many bots.")
@click.option("--join", "url", metavar="URL", help="Run only the bots, on the server at this address.")
@click.option(
    "--pyodide",
    type=FOLDER,
    help="Folder of the npm package pyodide.  [default: GDPEER_PYODIDE, or node_modules/pyodide]",
)
def arena(place: Place, port: int, bots: int, url: str | None, pyodide: Path | None) -> int:
    """Host a real-time game for up to 64 players.

    Players use Godot 4 or a browser. They collect coins; each player sees only what is near.

    The command prints the address of its web page. The page runs Python, so Pyodide must be installed on this machine
    (npm install pyodide).

    Ctrl-C ends the game with status 0. The status is 1 if the port cannot be opened, or if bots lose their server.
    """
    if url is not None and (pyodide is not None or place.lan or place.origins):
        raise click.UsageError(
            "--join cannot be used with --lan, --origin and --pyodide: only a host uses these options"
        )
    if url is not None and not bots:
        raise click.UsageError("--join needs --bots: a person plays in a browser or in Godot")
    crowd = Bots(bots)
    with Stop() as stop:
        if url is not None:
            join(crowd, url)
            play(crowd, stop)
        else:
            server = ArenaServer(print_line)
            open_arena(server, place, port, Pages(None if pyodide is None else str(pyodide)))
            join(crowd, address("ws", place.host, server.peer.get_local_port()))
            host(server, crowd, stop)
            crowd.leave()  # first: the server would wait for their answers, which nobody polls for
            server.close(DRAIN)
        gone = "" if url is None else crowd.left
        crowd.leave()
    if gone:
        raise Failure(gone)
    return 0
