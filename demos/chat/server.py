"""The chat's server, with its web page. Everyone gets the lines that you type; Ctrl-C stops the server.

python demos/chat/server.py              then open http://localhost:8000/ in a browser,
python demos/chat/client.py              or join from a terminal, or from the Godot projects beside this file
"""

from __future__ import annotations

import argparse
import signal
import sys

from gdpeer import OK
from gdpeer.demos.chat import PORT, PROTOCOL, ChatServer, serve


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat room with a web page.")
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on; 0 selects a free port (default: %(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; * for all addresses (default: %(default)s)",
    )
    parser.add_argument("--origin", action="append", default=[], help="another web page that may connect, repeatable")
    parser.add_argument("--protocol", action="append", help=f"sub-protocol to accept, repeatable (default: {PROTOCOL})")
    options = parser.parse_args()

    chat = ChatServer(options.protocol or [PROTOCOL], options.host, origins=options.origin)
    if chat.listen(options.port) != OK:
        sys.exit(f"Unable to start server: {chat.server.get_listen_error()}")
    print(f"Open http://localhost:{chat.port}/", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    serve(chat)


if __name__ == "__main__":
    main()
