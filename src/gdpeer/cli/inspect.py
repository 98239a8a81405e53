"""`gdpeer inspect`: shows every message between a game and its server, decoded, as it passes.

This is the command: `inspect_screen` writes to the terminal and `inspect_page` serves the web page. The messages are
passed on in `gdpeer.inspection.tunnel` and decoded in `gdpeer.inspection.rows`.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import IO

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.inspect_page import Page
from gdpeer.cli.inspect_screen import Screen, choose_screen
from gdpeer.cli.options import NUMBER, OUTPUT, PORT, Choice
from gdpeer.cli.tunnels import check_target, make_tunnel, open_tunnel, run, tunnel_options
from gdpeer.inspection.direction import Direction
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import write_events, write_header
from gdpeer.inspection.rows import Filter, Inspector, redacted
from gdpeer.inspection.tunnel import Event, Tunnel
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["inspect"]

TURN = 0.1
"""The most seconds that one poll waits, and so the longest delay of the page and of Ctrl-C."""


def watcher(
    inspector: Inspector, screen: Screen, page: Page | None, record: IO[str] | None
) -> Callable[[Iterable[Event]], None]:
    """Returns a function that writes the events of a turn to the recording, and shows their rows on screen and page."""

    def see(events: Iterable[Event]) -> None:
        events = list(events)
        # Record before the rows are chosen: a recording has all messages, so that it can be replayed.
        if record is not None and events:
            keep(record, lambda file: write_events(file, events))
        rows = inspector.rows(events)
        # Also without rows: rates fall, and the page's server needs its poll.
        screen.show(rows)
        if page is not None:
            page.show(events, rows)

    return see


def keep(file: IO[str], write: Callable[[IO[str]], object]) -> None:
    """Calls `write` with the recording.

    Raises:
        Failure: the file cannot be written.
    """
    try:
        write(file)
    except OSError as error:
        # Close the file here: at its end the interpreter would write the rest, and fail again.
        with suppress(OSError):
            file.close()
        raise Failure(f"cannot write the recording: {error.strerror or error}") from error


EXAMPLES = """\b
Examples:
  gdpeer inspect --listen 8911 --to ws://localhost:8910
  gdpeer inspect --listen 8911 --to ws://localhost:8910 --page 8912 --names my_game/
  gdpeer inspect --listen 8911 --to wss://example.org/game --record session.jsonl
  gdpeer inspect --listen 8911 --to ws://localhost:8910 --method 'move*' --json | jq .size"""


@click.command(epilog=EXAMPLES)
@tunnel_options
@click.option("--peer", "peers", multiple=True, type=NUMBER, help="Only this client, by number or id; repeatable.")
@click.option(
    "--command", "commands", multiple=True, metavar="GLOB", help="Only matching commands: rpc, raw, text; repeatable."
)
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only matching nodes: 'Main/*'; repeatable.")
@click.option("--method", "methods", multiple=True, metavar="GLOB", help="Only matching methods; repeatable.")
@click.option("--direction", type=Choice([one.value for one in Direction]), help="Only messages in this direction.")
@click.option("--json", "is_json", is_flag=True, help="Print each message as a line of JSON.")
@click.option("--page", "page_port", type=PORT, help="Also show the messages in a web page.")
@click.option("--record", type=OUTPUT, help="Record all messages in a file for gdpeer replay.")
def inspect(
    port: int,
    to: str,
    host: str,
    tls: TLSOptions | None,
    dialect: str,
    names: MethodNames,
    peers: tuple[int, ...],
    commands: tuple[str, ...],
    paths: tuple[str, ...],
    methods: tuple[str, ...],
    direction: str | None,
    is_json: bool,
    page_port: int | None,
    record: IO[str] | None,
) -> None:
    """Show every message between a game and its server.

    The game connects to PORT instead of its server. The output shows Godot's calls with node, method and arguments,
    and other messages unchanged. Ctrl-C prints the totals and ends the command with status 0.
    """
    wanted = Filter(peers, commands, paths, methods, None if direction is None else Direction(direction))
    inspector = Inspector(dialect, names, wanted)
    tunnel = make_tunnel(Tunnel, to, tls)
    with Stop() as stop, ExitStack() as stack:
        if record is not None:
            keep(record, lambda file: write_header(file, to, dialect))
        url = open_tunnel(tunnel, host, port)
        screen = stack.enter_context(choose_screen(inspector, tunnel, is_json))
        screen.say(f"gdpeer inspect: {url} to {redacted(to)}")
        page = None
        if page_port is not None:
            page = stack.enter_context(Page(inspector, tunnel, dialect, host, page_port, redacted(to)))
            check_target(tunnel, "--page", host, page.port)
            screen.say(f"Page: {page.address}")
            if page.token:
                warning = (
                    "Other machines can open this address. The page shows all traffic, so keep the address secret."
                )
                screen.say(warning)
        run(tunnel, stop, watcher(inspector, screen, page, record), TURN)
        screen.finish()
