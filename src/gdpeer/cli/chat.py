"""`gdpeer chat`: opens the chat room of the demos, with its web page.

Layer: `cli`.
"""

from __future__ import annotations

import click

from gdpeer.cli.options import port_option
from gdpeer.cli.serving import (
    TYPING_TURN,
    Place,
    address,
    check_listening,
    page_addresses,
    place_options,
    show_page_code,
)
from gdpeer.demos.chat.server import PORT, ChatServer
from gdpeer.terminal.lines import Lines, check_output, is_typed
from gdpeer.terminal.stopping import Stop

__all__ = ["chat"]

PATH = "/test/"
"""The path to which Godot's chat demo connects; the server takes any path."""

EXAMPLES = """\b
Examples:
  gdpeer chat
  gdpeer chat --port 8080
  gdpeer chat --lan                    let other machines connect, with a QR code for phones
  echo 'Tea is ready' | gdpeer chat

\b
To join from a terminal:
  gdpeer connect ws://localhost:8000/ --protocol demo-chat"""


def announce(place: Place, port: int) -> None:
    """Prints the addresses of the room."""
    rows = [*page_addresses(place.host, port), ("Godot clients:", address("ws", place.host, port, PATH))]
    for name, where in rows:
        click.echo(f"{name:<17}{where}")
    show_page_code(place, port)
    if is_typed():
        click.echo("Type a line to send it to everyone. Press Ctrl-C to end.")


def run(room: ChatServer, lines: Lines, stop: Stop) -> None:
    """Keeps the room open until a stop is requested, and sends typed lines to everyone."""
    while not stop.requested:
        room.poll(timeout=TYPING_TURN)
        check_output()
        while (line := lines.take()) is not None:
            room.say(line)


@click.command(epilog=EXAMPLES)
@place_options
@port_option(PORT)
def chat(place: Place, port: int) -> None:
    """Open a chat room for browsers, terminals and Godot programs.

    The command prints the address of the room's web page and the address for Godot's chat demo. Everyone in the room
    sees the lines that you type here or pipe in. Ctrl-C and SIGTERM close all connections with code 1001 and end the
    command with status 0.
    """
    room = ChatServer(bind_ip=place.bind_ip, origins=place.origins)
    with Stop() as stop:
        check_listening(room.server, room.listen(port))
        announce(place, room.port)
        run(room, Lines(), stop)
        room.stop()
