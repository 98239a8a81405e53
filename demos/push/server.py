"""Sends push notifications to web pages; a page that was asleep gets the ones it missed. Ctrl-C stops the server.

python demos/push/server.py                                     then open http://localhost:8000/, and type a line
tail -n 0 -F some.log | python demos/push/server.py             sends each line of a file as a notification
curl -d 'Dinner is ready' http://localhost:8000/notify          sends a notification from this machine

Notifications are numbered. A page that connects puts the last number it has seen into its address,
`?run=RUN&after=NUMBER`, and gets all later notifications. The messages are JSON:

    {"run": "5f0c21ab", "after": 7}                     the first message: the next notification is number 8. A server
                                                        that was restarted is another run, and counts from 1
    {"number": 8, "text": "...", "time": 1765432100.5}  a notification
    {"beat": 8}                                         every 20 seconds: the server is there, and 8 was the last number
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import parse_qsl

from gdpeer import OK, WebSocketServer, http
from gdpeer.terminal.lines import Lines, print_line
from gdpeer.terminal.stopping import Stop

KEPT = 100  # notifications that are kept for pages that come back
LONGEST = 300  # characters of a notification
BEAT = 20.0  # seconds; after twice this time without a message, either side takes the other for gone
BURST = 50  # lines of the input that are sent before the network is polled again


class Notifications:
    """The last notifications, numbered from 1."""

    def __init__(self, kept: int = KEPT) -> None:
        self.run = secrets.token_hex(4)
        self.newest = 0
        self._kept: deque[str] = deque(maxlen=kept)

    def add(self, text: str) -> str:
        """Numbers and keeps a notification; returns the message for it."""
        self.newest += 1
        message = json.dumps({"number": self.newest, "text": text[:LONGEST], "time": time.time()}, ensure_ascii=False)
        self._kept.append(message)
        return message

    def since(self, run: str, number: int) -> list[str]:
        """Returns the messages for a page that saw `number` last: where it continues, and what it missed."""
        before = self.newest - len(self._kept)
        if run not in ("", self.run) or not before <= number <= self.newest:
            number = before
        return [json.dumps({"run": self.run, "after": number}), *itertools.islice(self._kept, number - before, None)]


class PushServer:
    """The page, its WebSocket and `/notify`, on one port."""

    def __init__(self, bind_ip: str = "127.0.0.1") -> None:
        self.notifications = Notifications()
        self.server = server = WebSocketServer()
        server.bind_ip = bind_ip
        server.heartbeat_interval = BEAT  # a phone that lost its network is disconnected after two
        server.outbound_buffer_size = 1 << 18  # holds all kept notifications, even the longest
        server.max_peers = 1000
        server.allowed_paths = ["/notifications"]
        server.http_handler = http.chain(self._take_post, http.StaticFolder(Path(__file__).with_name("page")))
        server.client_connected.connect(self._catch_up)
        server.data_received.connect(lambda peer_id: server.disconnect_peer(peer_id, 1008, "Pages only listen here"))

    def listen(self, port: int, origins: list[str]) -> bool:
        """Opens the port for the server's own page and for pages of `origins`; other pages may not listen."""
        if self.server.listen(port) != OK:
            return False
        own = [f"http://{host}:{self.server.get_local_port()}" for host in ("localhost", "127.0.0.1")]
        self.server.allowed_origins = own + origins
        return True

    def notify(self, text: str) -> None:
        """Sends a notification to all pages. A page whose queue is full sees a gap in the numbers, and reconnects."""
        message = self.notifications.add(text)
        self.server.broadcast(message)
        print_line(f"{self.notifications.newest}: {text[:LONGEST]} (to {len(self.server.peers)})")

    def run(self, lines: Lines, stop: Stop) -> None:
        """Serves pages and sends each line as a notification, until a stop is requested."""
        beat = time.monotonic() + BEAT
        while not stop.requested:
            self.server.poll(timeout=0.05)
            for line in itertools.islice(iter(lines.take, None), BURST):
                if line.strip():
                    self.notify(line.strip())
            if time.monotonic() >= beat:
                beat += BEAT
                self.server.broadcast(json.dumps({"beat": self.notifications.newest}))
        self.server.stop(1001, "The server is going down")

    def _catch_up(self, peer_id: int, protocol: str) -> None:
        peer = self.server.get_peer(peer_id)
        if peer is not None:
            for message in self.notifications.since(*seen(peer.get_requested_url())):
                peer.send_text(message)

    def _take_post(self, request: http.Request) -> http.Response | None:
        if request.path != "/notify":
            return None
        if request.method != "POST":
            return http.Response(405, "POST it\n", headers=(("Allow", "POST"),))
        # Only browsers send an Origin header. Refuse them, so that no web page can send notifications in your name.
        if "Origin" in request.headers or request.remote_address[0] not in ("127.0.0.1", "::1"):
            return http.Response(403, "only programs on this machine may notify\n")
        text = " ".join(request.body.decode(errors="replace").split())
        if not text:
            return http.Response(400, "nothing to say\n")
        self.notify(text)
        return http.Response.json({"number": self.notifications.newest})


def seen(url: str) -> tuple[str, int]:
    """Returns the run and the last number in a page's address; ("", 0) if they are missing."""
    query = dict(parse_qsl(url.partition("?")[2]))
    after = query.get("after", "")[:15]
    return query.get("run", ""), int(after) if after.isdecimal() else 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Push notifications to a web page.")
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen on; 0 selects a free port (default: %(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; * for all addresses (default: %(default)s)",
    )
    parser.add_argument(
        "--origin", action="append", default=[], help="another address of the page, repeatable: https://push.example"
    )
    options = parser.parse_args()

    push = PushServer(options.host)
    if not push.listen(options.port, options.origin):
        sys.exit(f"Unable to start server: {push.server.get_listen_error()}")
    print_line(f"Open http://localhost:{push.server.get_local_port()}/")
    with Stop() as stop:
        push.run(Lines(), stop)


if __name__ == "__main__":
    main()
