"""`gdpeer roll`: plays the turn-based game of the demos, as host or as guest.

Layer: `cli`.
"""

from __future__ import annotations

from pathlib import Path

import click

from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import FOLDER, SECONDS, port_option
from gdpeer.cli.options import PORT as ANY_PORT
from gdpeer.cli.serving import DRAIN, TYPING_TURN, Place, address, page_addresses, place_options, show_page_code
from gdpeer.demos.roll import PORT, Table, user_name
from gdpeer.demos.roll.pages import Pages
from gdpeer.errors import Error
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.terminal.lines import Lines, check_output, is_typed, print_line
from gdpeer.terminal.stopping import Stop

__all__ = ["roll"]

EXAMPLES = """\b
Examples:
  gdpeer roll                              host, and play as the first player
  gdpeer roll --godot3-port 8081           Godot 3 players join on that port
  gdpeer roll --dedicated                  host without playing
  gdpeer roll --lan                        let other machines connect, with a QR code for phones
  gdpeer roll --join ws://localhost:8080   join a host: this command, or a Godot game
  gdpeer roll --join ws://localhost:8080 --godot3

\b
Play with the Godot projects in demos/roll/godot4 and demos/roll/godot3."""


def open_table(table: Table, place: Place, port: int, godot3_port: int | None, pages: Pages) -> None:
    """Begins to host, and prints the addresses for the players.

    Raises:
        Failure: a port cannot be opened.
    """
    error = table.host(port, place.bind_ip, godot3_port=godot3_port, pages=pages, origins=place.origins)
    if error is not Error.OK:
        raise Failure(table.peer.get_listen_error() or f"cannot host: {error.name}")
    rows = [("Godot 4 and Python:", address("ws", place.host, table.peer.get_local_port()))]
    if godot3_port is not None:
        rows.append(("Godot 3:", address("ws", place.host, table.peer.get_godot3_port())))
    rows += page_addresses(place.host, table.peer.get_local_port())
    for name, where in rows:
        click.echo(f"{name:<20}{where}")
    show_page_code(place, table.peer.get_local_port())
    if pages.problem:
        click.echo(f"The page needs Pyodide: {pages.problem}")


def join_table(table: Table, url: str, godot3: bool) -> None:
    """Begins to connect to a host. `play` notices whether the connection fails later.

    Raises:
        click.UsageError: `url` is not a WebSocket URL.
        Failure: the connection cannot be begun.
    """
    error = table.join(url, godot3=godot3)
    if error is Error.ERR_INVALID_PARAMETER:  # a mistake in the command line, so status 2
        raise click.UsageError(f"cannot join {url}: {table.peer.get_close_cause().detail}")
    if error is not Error.OK:
        raise Failure(f"cannot join {url}: {table.peer.get_close_cause()}")


def play(table: Table, lines: Lines | None, stop: Stop) -> None:
    """Plays until the session ends or a stop is requested; typed lines are moves."""
    while not (stop.requested or table.left):
        table.poll(timeout=TYPING_TURN)
        check_output()
        while lines is not None and (line := lines.take()) is not None:
            table.type(line)


@click.command(epilog=EXAMPLES)
@place_options
@port_option(PORT)
@click.option("--godot3-port", type=ANY_PORT, metavar="N", help="Additional port for Godot 3 players.")
@click.option("--dedicated", is_flag=True, help="Host without playing.")
@click.option("--join", metavar="URL", help="Join a host instead of hosting.")
@click.option("--godot3", is_flag=True, help="With --join: the host is a Godot 3 game.")
@click.option(
    "--pyodide",
    type=FOLDER,
    help="Folder of the npm package pyodide.  [default: GDPEER_PYODIDE, or node_modules/pyodide]",
)
@click.option("--name", default=user_name, show_default="the user's", help="Your name in the game.")
@click.option("--auto", is_flag=True, help="Roll whenever it is your turn.")
@click.option(
    "--pause",
    default=0.5,
    show_default=True,
    type=SECONDS,
    help="With --auto: wait this long before each roll.",
)
def roll(
    place: Place,
    port: int,
    godot3_port: int | None,
    dedicated: bool,
    join: str | None,
    godot3: bool,
    pyodide: Path | None,
    name: str,
    auto: bool,
    pause: float,
) -> int:
    """Play a turn-based game over the network.

    Players use Godot 4, Godot 3, a browser or this command.

    The command prints the address of its web page. The page runs Python, so Pyodide must be installed on this machine
    (npm install pyodide).

    Type roll or pass when it is your turn. Type players to list all players. Ctrl-C leaves with status 0, or with 130
    before a host has admitted you. The status is 1 if the connection fails or the host disconnects.
    """
    if join is not None and (dedicated or godot3_port is not None or pyodide is not None or place.lan or place.origins):
        hosts = "--dedicated, --godot3-port, --lan, --origin and --pyodide"
        raise click.UsageError(f"--join cannot be used with {hosts}: only a host uses these options")
    if godot3 and join is None:
        raise click.UsageError("--godot3 needs --join; a host uses --godot3-port")
    if dedicated and auto:
        raise click.UsageError("--auto cannot be used with --dedicated: a dedicated host does not play")
    if port and port == godot3_port:  # 0 takes a different free port each time
        raise click.UsageError("--port and --godot3-port must differ")
    table = Table(None if dedicated else name, print_line, auto=auto, pause=pause)
    with Stop() as stop:
        if join is None:
            open_table(table, place, port, godot3_port, Pages(None if pyodide is None else str(pyodide)))
        else:
            join_table(table, join, godot3)
        if is_typed() and not dedicated:
            click.echo("Type roll or pass when it is your turn. Press Ctrl-C to leave.")
        play(table, None if dedicated else Lines(), stop)  # a dedicated host leaves standard input alone
        gone = table.left  # before leave(), which sets it too
        is_joining = table.peer.get_connection_status() is ConnectionStatus.CONNECTING
        table.leave(DRAIN)
    check_output()
    if is_joining and not gone:
        return INTERRUPTED
    return 1 if gone else 0
