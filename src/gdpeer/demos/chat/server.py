"""The server of the chat: one room, its web page and a list of the members, on one port.

A client gets these text messages:

    [id] connected          another client has joined
    [id] Says: text         another client has sent a text
    [id] disconnected       another client has left
    Server says: text       a line was typed at the server

A client does not get its own text back. The server sends nothing else, because clients show every message as it is.
The page gets the list of earlier members from `GET /peers`: `{"peers": [id, ...], "you": id or null}`. To find its own
id, the page makes up a word and puts `?tag=WORD` into both addresses, that of its WebSocket and that of this request.

Layer: `demos`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

from gdpeer import Error, WebSocketServer, http
from gdpeer.demos.origins import LOOPBACK, own_origins
from gdpeer.http.own_pages import page_beside
from gdpeer.terminal.lines import Lines, print_line
from gdpeer.terminal.stopping import Stop

__all__ = ["PORT", "PROTOCOL", "ChatServer", "serve"]

PORT = 8000
PROTOCOL = "demo-chat"

HEARTBEAT = 30.0
"""Seconds between pings; a phone that lost its network leaves the list after two of them."""

GOING_AWAY = 1001
"""The close code of a server that goes down (RFC 6455 section 7.4.1)."""

GOODBYE = 1.0
"""Seconds that clients have to answer the close."""


class ChatServer:
    """A chat room. Call `listen` once, then `poll` in a loop.

    Args:
        protocols: sub-protocols to accept.
        bind_ip: the address to listen on; "*" for all addresses.
        log: called with one line for each message and each change.
        origins: web pages that may connect besides the room's own page, such as "https://chat.example".

    Attributes:
        server: the WebSocketServer, for everything else (certificate, buffers, broadcast).
    """

    def __init__(
        self,
        protocols: Sequence[str] = (PROTOCOL,),
        bind_ip: str = LOOPBACK,
        log: Callable[[str], object] = print_line,
        origins: Sequence[str] = (),
    ) -> None:
        self.protocols = list(protocols)
        self.log = log
        self.origins = list(origins)
        self._tags: dict[str, int] = {}
        self.server = server = WebSocketServer()
        server.bind_ip = bind_ip
        server.heartbeat_interval = HEARTBEAT
        server.http_handler = http.chain(self._tell_peers, page_beside(__file__))
        server.client_connected.connect(self._connected)
        server.client_disconnected.connect(self._disconnected)
        server.data_received.connect(self._received)

    @property
    def port(self) -> int:
        """The port that the room listens on."""
        return self.server.get_local_port()

    def listen(self, port: int = PORT) -> Error:
        """Opens the room on a port; 0 takes a free port.

        Returns:
            The result of `WebSocketServer.listen`; OK if the room is open.
        """
        error = self.server.listen(port, self.protocols)
        if error == Error.OK:
            self.server.allowed_origins = [*own_origins(self.server.bind_ip, self.port), *self.origins]
            self.log(f"Listening on port {self.port}, sub-protocols: {', '.join(self.protocols)}")
        return error

    def poll(self, timeout: float = 0.0) -> None:
        """Receives and sends all that is due, after waiting up to `timeout` seconds for it."""
        self.server.poll(timeout)

    def say(self, text: str) -> None:
        """Sends a line of the server's own to everyone; ignores an empty text."""
        if text:
            self.log(f"Server says: {text}")
            self.server.broadcast(f"Server says: {text}")

    def stop(self, reason: str = "Server stopped") -> None:
        """Closes the room: all connections with code 1001, and a second to answer."""
        self.server.stop(GOING_AWAY, reason, grace=GOODBYE)
        self._tags.clear()
        self.log("Server stopped")

    def _connected(self, peer_id: int, protocol: str) -> None:
        self.log(f"[{peer_id}] connected with protocol: {protocol}")
        if tag := self._tag(peer_id):
            self._tags[tag] = peer_id
        self.server.broadcast(f"[{peer_id}] connected", exclude=(peer_id,))

    def _received(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        if peer is None:
            return
        packet = peer.get_packet()
        if not peer.was_string_packet():
            self.log(f"[{peer_id}] sent {len(packet)} bytes that are not text")
            return
        text = packet.decode()
        self.log(f"[{peer_id}] Says: {text}")
        self.server.broadcast(f"[{peer_id}] Says: {text}", exclude=(peer_id,))

    def _disconnected(self, peer_id: int, was_clean: bool) -> None:
        peer = self.server.get_peer(peer_id)
        code, reason = (peer.get_close_code(), peer.get_close_reason()) if peer is not None else (-1, "")
        self.log(f"[{peer_id}] disconnected with code: {code}, reason: {reason}")
        self._tags.pop(self._tag(peer_id), None)
        self.server.broadcast(f"[{peer_id}] disconnected", exclude=(peer_id,))

    def _tag(self, peer_id: int) -> str:
        peer = self.server.get_peer(peer_id)
        return tag_of(peer.get_requested_url().partition("?")[2]) if peer is not None else ""

    def _tell_peers(self, request: http.Request) -> http.Response | None:
        if request.method != "GET" or request.path != "/peers":
            return None
        return http.Response.json({"peers": list(self.server.peers), "you": self._tags.get(tag_of(request.query))})


def tag_of(query: str) -> str:
    """Returns the word after `tag=` in a query, at most 64 characters; "" if there is none."""
    return parse_qs(query).get("tag", [""])[0][:64]


def serve(chat: ChatServer, lines: Lines | None = None) -> None:
    """Runs the room until Ctrl-C or SIGTERM, then closes it.

    Args:
        chat: has opened its port.
        lines: each line is sent to everyone; standard input by default.
    """
    lines = lines or Lines()
    try:
        with Stop() as stop:
            while not stop.requested:
                chat.poll(timeout=0.05)
                while (line := lines.take()) is not None:
                    chat.say(line)
    finally:
        chat.stop()
