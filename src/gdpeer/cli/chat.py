"""`gdpeer chat`: the chat room of the demos, with its web page.

Layer: `cli`.
"""

from __future__ import annotations

import click

from gdpeer.cli.serving import TYPING_TURN, address, check_listening, page_addresses, resolve
from gdpeer.demos.chat.server import PORT, ChatServer
from gdpeer.demos.lines import Lines, is_typed
from gdpeer.demos.stopping import Stop

__all__ = ["chat"]

PATH = "/test/"
"""Where the engine's chat demo connects to; the server takes any path."""

EXAMPLES = """\b
Examples:
  gdpeer chat
  gdpeer chat --port 8080
  gdpeer chat --host 127.0.0.1         for this machine only
  echo 'Tea is ready' | gdpeer chat

\b
To join from a terminal:
  gdpeer connect ws://localhost:8000/ --protocol demo-chat"""


def announce(host: str, port: int) -> None:
    """Say where the room is."""
    rows = [*page_addresses(host, port), ("Godot clients:", address("ws", host, port, PATH))]
    for name, place in rows:
        click.echo(f"{name:<17}{place}")
    if is_typed():
        click.echo("What you type is said to everyone. Ctrl-C ends.")


def run(room: ChatServer, lines: Lines, stop: Stop) -> None:
    """Keep the room open until somebody wants to stop; what is typed is said to everyone."""
    while not stop.requested:
        room.poll(timeout=TYPING_TURN)
        while (line := lines.take()) is not None:
            room.say(line)


@click.command(epilog=EXAMPLES)
@click.option("--host", default="*", show_default=True, help="Address to listen on; * for all.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
def chat(host: str, port: int) -> None:
    """A chat room for browsers, terminals and Godot programs.

    Prints the address of its web page and the one for Godot's chat demo. Lines typed here, or piped in, are said to
    everyone. Ctrl-C and SIGTERM close all peers with 1001 and end it with status 0.
    """
    room = ChatServer(bind_ip=resolve(host))
    with Stop() as stop:
        check_listening(room.server, room.listen(port))
        announce(host, room.port)
        run(room, Lines(), stop)
        room.stop()
