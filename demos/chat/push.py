"""A chat server that also sends messages of its own: every few seconds all clients get the time.

python demos/chat/push.py                then join with demos/chat/client.py, a browser or a Godot program

The call of `broadcast` below encodes the message once for all clients.
"""

from __future__ import annotations

import argparse
import sys
import time

from gdpeer import OK
from gdpeer.demos.chat import PORT, ChatServer, print_line
from gdpeer.terminal.stopping import Stop


def push(chat: ChatServer, interval: float, stop: Stop) -> None:
    number = 0
    due = time.monotonic() + interval
    while not stop.requested:
        chat.poll(timeout=min(max(0.0, due - time.monotonic()), 0.2))
        if time.monotonic() >= due:
            due += interval
            number += 1
            text = f"Server says: it is {time.strftime('%H:%M:%S')}, message {number}"
            print_line(f"{text} (to {len(chat.server.peers)})")
            chat.server.broadcast(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat room whose server tells everyone the time.")
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on; 0 selects a free port (default: %(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; * for all addresses (default: %(default)s)",
    )
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS", help="default: %(default)s")
    options = parser.parse_args()
    if options.interval <= 0:
        parser.error("--interval must be more than 0 seconds")

    chat = ChatServer(bind_ip=options.host)
    if chat.listen(options.port) != OK:
        sys.exit(f"Unable to start server: {chat.server.get_listen_error()}")
    with Stop() as stop:
        push(chat, options.interval, stop)
    chat.stop()


if __name__ == "__main__":
    main()
