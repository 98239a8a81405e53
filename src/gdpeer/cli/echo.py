"""`gdpeer echo`: a server that sends every message back, to test and measure clients.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from gdpeer import Error, WebSocketPeer, WebSocketServer
from gdpeer.cli.options import FILE, PATH, SIZE, port_option, protocols_option
from gdpeer.cli.serving import DRAIN, GOING_AWAY, TURN, address, check_listening, resolve
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.states import PeerWriteMode

__all__ = ["Echo", "Fanout", "echo"]

FANOUT = "/fanout"

HEARTBEAT = 20.0
"""Seconds between pings. Many routers forget a connection that is silent for 30 seconds."""

MOST_PACKETS = 65_536
"""Messages that may wait, in each direction; `--max-size` limits their bytes."""

TEXT = WebSocketPeer.WriteMode.TEXT
BINARY = WebSocketPeer.WriteMode.BINARY


class Echo:
    """Sends each packet back to its sender, text as text and binary as binary.

    The server stops reading from a peer that does not read. A packet that cannot be sent is kept until the peer has
    drained, and TCP slows the peer down.

    Args:
        server: the server; its signals are connected here.
    """

    def __init__(self, server: WebSocketServer) -> None:
        self._get_peer = server.get_peer
        self._held: dict[int, tuple[bytes, PeerWriteMode]] = {}
        self._echo = Echo.slot(self)  # a subclass has another slot, and echoes some packets too
        server.data_received.connect(self.slot())
        server.peer_drained.connect(self._drained)
        server.client_disconnected.connect(self._forget)

    def slot(self) -> Callable[[int], None]:
        """Returns the handler for `data_received`.

        One call echoes all packets that are there. The signals for packets that are taken already are not emitted.
        """
        # Local names instead of attributes: this handler runs for every packet of a benchmark.
        get_peer, held, no_room = self._get_peer, self._held, Error.ERR_OUT_OF_MEMORY

        def echo_packets(peer_id: int) -> None:
            peer = get_peer(peer_id)
            if peer is None or peer_id in held:
                return
            for packet in peer:
                mode = TEXT if peer.was_string_packet() else BINARY
                if peer.send(packet, mode) is no_room:
                    # Read no further until this packet was sent, so that the order stays.
                    held[peer_id] = packet, mode
                    return

        return echo_packets

    def _drained(self, peer_id: int) -> None:
        peer = self._get_peer(peer_id)
        waiting = self._held.pop(peer_id, None)
        if peer is None or waiting is None:
            return
        if peer.send(*waiting) is Error.ERR_OUT_OF_MEMORY:
            self._held[peer_id] = waiting
        else:
            self._echo(peer_id)  # no signal comes for the packets that arrived before this one was sent

    def _forget(self, peer_id: int, was_clean: bool) -> None:
        self._held.pop(peer_id, None)


class Fanout(Echo):
    """An `Echo` that sends packets on the path `/fanout` to all peers on that path, including the sender."""

    def __init__(self, server: WebSocketServer) -> None:
        self._members: dict[int, None] = {}  # a dictionary keeps the order in which they joined
        self._server = server
        super().__init__(server)
        server.client_connected.connect(self._join)
        server.client_disconnected.connect(self._leave)

    def slot(self) -> Callable[[int], None]:
        """Returns the handler for `data_received`: broadcasts for members, else echoes."""
        echo_packets, get_peer = self._echo, self._get_peer
        members, broadcast_to = self._members, self._server.broadcast_to

        def spread_packet(peer_id: int) -> None:
            if peer_id not in members:
                echo_packets(peer_id)
                return
            peer = get_peer(peer_id)
            if peer is not None:
                packet = peer.get_packet()
                broadcast_to(members, packet, TEXT if peer.was_string_packet() else BINARY)

        return spread_packet

    def _join(self, peer_id: int, protocol: str) -> None:
        peer = self._get_peer(peer_id)
        if peer is not None and path_of(peer.get_requested_url()) == FANOUT:
            self._members[peer_id] = None

    def _leave(self, peer_id: int, was_clean: bool) -> None:
        self._members.pop(peer_id, None)


def path_of(url: str) -> str:
    """Returns the path of a URL."""
    # The host is from the client's Host header and may be anything, so urlsplit could raise.
    return "/" + url.partition("://")[2].partition("/")[2].partition("?")[0]


def set_tls(server: WebSocketServer, certificate: Path | None, key: Path | None) -> str:
    """Sets the server's certificate and key, and returns the scheme of its URL.

    Raises:
        click.UsageError: only one of the two was given.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--cert and --key must be used together")
    if certificate is not None:
        server.ssl_certificate, server.private_key = str(certificate), str(key)
    return "ws" if certificate is None else "wss"


def set_limits(server: WebSocketServer, max_size: int) -> None:
    """Lets messages of `max_size` bytes in and out, and any number of small ones wait for one write."""
    server.max_queued_packets = MOST_PACKETS
    server.inbound_buffer_size = max_size
    server.outbound_buffer_size = max_size


def allowed_paths(path: str | None, fanout: bool) -> Iterable[str] | None:
    """Returns the paths that the server accepts; None for all."""
    if path is None:
        return None
    return (path, FANOUT) if fanout else (path,)


EXAMPLES = """\b
Examples:
  gdpeer echo
  gdpeer echo --host '*' --port 8443 --cert cert.pem --key key.pem
  gdpeer echo --port 0 --protocol demo-chat --protocol other
  gdpeer echo --path /game --compress --max-size 1M
  gdpeer echo --fanout --no-heartbeat
  gdpeer echo --reuse-port & gdpeer echo --reuse-port"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; * for all addresses, unix:/PATH for a Unix socket.",
)
@port_option(9001)
@click.option("--path", type=PATH, help="Answer 404 to every other path.  [default: all paths]")
@protocols_option("Sub-protocol to accept; repeatable.")
@click.option("--cert", type=FILE, help="Certificate chain (PEM file); the server then uses wss://.")
@click.option("--key", type=FILE, help="Private key of the certificate (PEM file).")
@click.option("--compress", is_flag=True, help="Accept compression (permessage-deflate).")
@click.option(
    "--max-size", default="64M", show_default=True, type=SIZE, help="Largest message, such as 65536, 64K, 16M."
)
@click.option("--fanout", is_flag=True, help=f"Send each message on path {FANOUT} to all peers on this path.")
@click.option("--reuse-port", is_flag=True, help="Share the port with other processes that also use this option.")
@click.option("--no-heartbeat", is_flag=True, help=f"Send no pings.  [default: one every {HEARTBEAT:g} s]")
def echo(
    host: str,
    port: int,
    path: str | None,
    protocols: tuple[str, ...],
    cert: Path | None,
    key: Path | None,
    compress: bool,
    max_size: int,
    fanout: bool,
    reuse_port: bool,
    no_heartbeat: bool,
) -> None:
    """Run a server that sends every message back.

    Text messages return as text, and binary messages as binary. The command prints one line when it listens. Ctrl-C
    and SIGTERM close all connections with code 1001 and end the command with status 0. A second Ctrl-C ends the
    command at once.
    """
    server = WebSocketServer()
    scheme = set_tls(server, cert, key)
    set_limits(server, max_size)
    server.compression = compress
    server.reuse_port = reuse_port
    server.heartbeat_interval = 0.0 if no_heartbeat else HEARTBEAT
    server.allowed_paths = allowed_paths(path, fanout)
    Fanout(server) if fanout else Echo(server)  # the server's signals keep the object
    with Stop() as stop:
        server.bind_ip = resolve(host)
        check_listening(server, server.listen(port, protocols))
        click.echo(f"gdpeer echo: listening on {address(scheme, host, server.get_local_port(), path or '/')}")
        while not stop.requested:
            server.poll(timeout=TURN)
        server.stop(GOING_AWAY, "Server stopped", grace=DRAIN)
