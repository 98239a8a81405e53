"""`gdpeer rooms`: lists and closes the rooms of a running server, through its monitor.

Layer: `cli`.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from gdpeer.cli.failure import Failure, suggestion
from gdpeer.cli.fetching import SCHEMES, fetch
from gdpeer.cli.groups import Action
from gdpeer.cli.options import FILE, NUMBER, Parsed, quoted, trust_options
from gdpeer.quoting import clean
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["TOKEN", "rooms"]

TOKEN = "GDPEER_MONITOR_TOKEN"
MOST_SHOWN = 60
"""Characters of a name from the server that are shown."""


def parse_server(text: str) -> str:
    """Returns the URL of a server; `ws` counts as `http`, since both are on the same port."""
    try:
        url = urlsplit(text)
        is_right = url.scheme in SCHEMES and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(f"expected a URL such as http://localhost:8910, got {quoted(text)}")
    return text


SERVER = Parsed("url", parse_server)


class Server:
    """The monitor of a running server.

    Args:
        url: of the server.
        token: of its monitor.
        tls: for `https`; None trusts the machine's certificate authorities.
    """

    def __init__(self, url: str, token: str, tls: TLSOptions | None) -> None:
        self._url = urlsplit(url)
        self._token = token
        self._tls = tls

    def ask(self, path: str, wishes: dict[str, Any] | None = None) -> Any:
        """Sends a request to the monitor and returns its answer.

        Raises:
            Failure: the server cannot be reached, or refuses the request.
        """
        method, body = ("GET", None) if wishes is None else ("POST", json.dumps(wishes))
        target = f"{self._url.path.rstrip('/')}/monitor/api/rooms{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._read(*fetch(self._url, target, headers, self._tls, method, body))

    def _read(self, status: int, body: bytes) -> Any:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        if status == 401:
            raise Failure(f"{self._url.geturl()} does not accept this token")
        if isinstance(answer, dict) and "error" in answer:
            raise Failure(clean(str(answer["error"]), 200))
        raise Failure(f"{self._url.geturl()} has no monitor (status {status}): start it with {TOKEN}")


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that lead to a server's monitor to a command, which gets a `Server`."""

    @click.option("--url", default="http://localhost:8910", show_default=True, type=SERVER, help="The server.")
    @click.option("--token-file", type=FILE, help=f"File with the monitor's token.  [default: the variable {TOKEN}]")
    @trust_options
    @functools.wraps(command)
    def run(url: str, token_file: Path | None, tls: TLSOptions | None, **others: Any) -> Any:
        return command(server=Server(url, read_token(token_file), tls), **others)

    return run


def read_token(file: Path | None) -> str:
    """Returns the monitor's token, from a file or from the variable.

    Raises:
        Failure: no token is given, or the file cannot be read.
    """
    try:
        token = os.environ.get(TOKEN, "") if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise Failure(f"cannot read the token: {error}") from error
    if not token:
        raise Failure(f"the monitor needs its token: set {TOKEN}, or name a file with --token-file")
    return token


EXAMPLES = f"""\b
Examples:
  gdpeer rooms list                             the rooms of http://localhost:8910
  gdpeer rooms list --find arena --url https://play.example
  gdpeer rooms show K7Q2M3                      the players of a room
  gdpeer rooms kick K7Q2M3 1382210943 --reason spam
  gdpeer rooms close K7Q2M3 --reason maintenance

\b
The server has a monitor if it was started with a token in {TOKEN}.
The same token here shows that you may use the monitor."""


class Actions(click.Group):
    """The actions of `gdpeer rooms`."""

    command_class = Action

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the action that the first word names.

        Raises:
            click.UsageError: there is no action of this name.
        """
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise click.UsageError(f"unknown action {args[0]!r}{suggestion(args[0], list(self.commands))}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Actions, epilog=EXAMPLES, invoke_without_command=True)
@click.pass_context
def rooms(context: click.Context) -> None:
    """List, show and close the rooms of a running server.

    The server is a gdpeer serve, or another hall with a monitor. The token is read from a variable or a file, because
    every user of a machine can read the arguments of its programs.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


HEADER = ("CODE", "KIND", "PLAYERS", "STATE", "LABELS")

json_option = click.option("--json", "as_json", is_flag=True, help="Print the server's answer as JSON.")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Reason, which the players get.")


@rooms.command(name="list")
@server_options
@click.option("--find", default="", metavar="TEXT", help="Only rooms with this in code, kind, labels or players.")
@json_option
def list_rooms(server: Server, find: str, as_json: bool) -> None:
    """List the rooms, the fullest first."""
    answer = server.ask(f"?{urlencode({'find': find})}")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    if "workers" in answer:
        table([["WORKER", "ROOMS", "PLAYERS", "LOAD", "STATE", "VERSION"], *map(row_of_worker, answer["workers"])])
        click.echo()
    table([[*HEADER, *(["WORKER"] if "workers" in answer else [])], *map(row_of, answer["rooms"])])
    left = answer["found"] - len(answer["rooms"])
    more = f", {left} of them not shown" if left > 0 else ""
    click.echo(f"Rooms: {answer['total']}, players: {answer['players']}, found: {answer['found']}{more}")


@rooms.command()
@server_options
@click.argument("code")
@json_option
def show(server: Server, code: str, as_json: bool) -> None:
    """Show a room and its players.

    Also shows the time of the room's turns, its refused packets and the number of its nodes.
    """
    answer = server.ask(f"/{quote(code, safe='')}")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    table([[*HEADER, *(["WORKER"] if "worker" in answer else [])], row_of(answer)])
    refused = ", ".join(f"{count} {cause}" for cause, count in answer["refused"].items()) or "none"
    click.echo(f"Turns: {answer['turns']} of {answer['turn_ms']} ms, the longest {answer['longest_turn_ms']} ms")
    click.echo(f"Refused packets: {refused}; nodes: {answer['nodes']}")
    players = answer["players"]
    if players:
        click.echo()
        table([["PEER", "STATE", "PLAYER"], *([one["peer_id"], one["state"], one["player"] or ""] for one in players)])


@rooms.command()
@server_options
@click.argument("code")
@reason_option
def close(server: Server, code: str, reason: str) -> None:
    """Close a room; its players are disconnected."""
    server.ask(f"/{quote(code, safe='')}/close", {"reason": reason})
    click.echo(f"Closed {shown(code)}")


@rooms.command()
@server_options
@click.argument("code")
@click.argument("peer", type=NUMBER)
@reason_option
def kick(server: Server, code: str, peer: int, reason: str) -> None:
    """Remove a player from a room.

    The place is free at once, and does not wait for the player's return.
    """
    server.ask(f"/{quote(code, safe='')}/kick", {"peer_id": peer, "reason": reason})
    click.echo(f"Kicked {peer} from {shown(code)}")


def row_of(room: dict[str, Any]) -> list[object]:
    """Returns the columns of a room."""
    places = f"{room['taken']}/{room['max_peers']}" if room["max_peers"] else room["taken"]
    marks = [name for name in ("locked", "private") if room[name]]
    away = [f"{room['away']} away"] if room.get("away") else []
    labels = " ".join(f"{name}={value}" for name, value in room["labels"].items())
    worker = [room["worker"]] if "worker" in room else []
    return [room["code"], room["kind"], places, ", ".join([*marks, *away]) or "open", labels, *worker]


def row_of_worker(worker: dict[str, Any]) -> list[object]:
    """Returns the columns of a worker of a cluster."""
    state, load = "draining" if worker["draining"] else "up", f"{100 * worker['load']:.0f} %"
    return [worker["name"], worker["rooms"], worker["players"], load, state, worker["version"]]


def table(rows: list[list[Any]]) -> None:
    """Prints rows in columns, with a header."""
    texts = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def shown(cell: object) -> str:
    """Returns a text of the server, which may come from a player, without control characters."""
    return clean(str(cell), MOST_SHOWN)
