"""A chat client for the terminal. Each typed line is sent; Ctrl-D or Ctrl-C leaves.

python demos/chat/client.py
python demos/chat/client.py ws://192.168.1.20:8000/test/
echo "Dinner is ready" | python demos/chat/client.py
"""

from __future__ import annotations

import argparse
import sys

from gdpeer.demos.chat import PROTOCOL, URL, TerminalChat


def main() -> int:
    parser = argparse.ArgumentParser(description="Join the chat from a terminal.")
    parser.add_argument("url", nargs="?", default=URL, help="address of the room (default: %(default)s)")
    parser.add_argument("--protocol", action="append", help=f"sub-protocol to offer, repeatable (default: {PROTOCOL})")
    parser.add_argument("--stay", action="store_true", help="stay connected after the end of the input")
    options = parser.parse_args()
    return TerminalChat(options.url, options.protocol or [PROTOCOL], stay=options.stay).run()


if __name__ == "__main__":
    sys.exit(main())
