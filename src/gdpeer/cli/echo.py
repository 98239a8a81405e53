"""`gdpeer echo`: a server that sends everything back, for tests of clients and for measuring.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from gdpeer import Error, WebSocketPeer, WebSocketServer
from gdpeer.cli.options import FILE, SIZE, parse_path, parse_protocols, port_option
from gdpeer.cli.serving import TURN, address, check_listening, drain, resolve
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.states import PeerWriteMode

__all__ = ["Echo", "Fanout", "echo"]

FANOUT = "/fanout"

HEARTBEAT = 20.0
"""Seconds between pings: below the half minute after which many routers forget a silent connection."""

MOST_PACKETS = 65_536
"""Messages that may wait, each way; what they hold is limited by `--max-size`."""

TEXT = WebSocketPeer.WriteMode.TEXT
BINARY = WebSocketPeer.WriteMode.BINARY


class Echo:
    """Sends each packet back to its sender, text as text and binary as binary.

    A peer that does not read is not read from either: what the server cannot send stays where it is until the peer has
    drained, and TCP's back-pressure does the rest.

    Args:
        server: the server; its signals are connected here.
    """

    def __init__(self, server: WebSocketServer) -> None:
        self._get_peer = server.get_peer
        self._held: dict[int, tuple[bytes, PeerWriteMode]] = {}
        server.data_received.connect(self.slot())
        server.peer_drained.connect(self._drained)
        server.client_disconnected.connect(self._forget)

    def slot(self) -> Callable[[int], None]:
        """The function for `data_received`; what it needs is bound beforehand, for it runs all the time.

        It takes all packets that are there: the signal of those comes without a call then.
        """
        get_peer, held, no_room = self._get_peer, self._held, Error.ERR_OUT_OF_MEMORY

        def echo_packets(peer_id: int) -> None:
            peer = get_peer(peer_id)
            if peer is None or peer_id in held:
                return
            for packet in peer:
                mode = TEXT if peer.was_string_packet() else BINARY
                if peer.send(packet, mode) is no_room:
                    held[peer_id] = packet, mode
                    return

        return echo_packets

    def _drained(self, peer_id: int) -> None:
        peer = self._get_peer(peer_id)
        waiting = self._held.pop(peer_id, None)
        if peer is None or waiting is None:
            return
        while peer.send(*waiting) is not Error.ERR_OUT_OF_MEMORY:
            if not peer.get_available_packet_count():
                return
            packet = peer.get_packet()
            waiting = packet, TEXT if peer.was_string_packet() else BINARY
        self._held[peer_id] = waiting

    def _forget(self, peer_id: int, was_clean: bool) -> None:
        self._held.pop(peer_id, None)


class Fanout(Echo):
    """An echo in which packets on the path `/fanout` go to all peers on that path, the sender too."""

    def __init__(self, server: WebSocketServer) -> None:
        self._members: dict[int, None] = {}  # in the order of their joining
        self._server = server
        super().__init__(server)
        server.client_connected.connect(self._join)
        server.client_disconnected.connect(self._leave)

    def slot(self) -> Callable[[int], None]:
        """As in `Echo`, with one look more whether the peer is a member."""
        echo_packets, get_peer, members, broadcast_to = (
            super().slot(),
            self._get_peer,
            self._members,
            self._server.broadcast_to,
        )

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
    """The path of a URL whose host came from outside and may be anything."""
    return "/" + url.partition("://")[2].partition("/")[2].partition("?")[0]


def set_tls(server: WebSocketServer, certificate: Path | None, key: Path | None) -> str:
    """Hand certificate and key to the server; the scheme of its address."""
    if (certificate is None) != (key is None):
        raise click.UsageError("--cert and --key belong together")
    if certificate is not None:
        server.ssl_certificate, server.private_key = str(certificate), str(key)
    return "ws" if certificate is None else "wss"


def set_limits(server: WebSocketServer, max_size: int) -> None:
    """Let messages of `max_size` bytes in and out, and all that one read brings be echoed by one write."""
    server.max_queued_packets = MOST_PACKETS
    server.inbound_buffer_size = max_size
    server.outbound_buffer_size = max_size


def allowed_paths(path: str | None, fanout: bool) -> Iterable[str] | None:
    """The paths that the server answers to; None for all."""
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
    help="Address to listen on; * for all, unix:/PATH for a Unix socket.",
)
@port_option(9001)
@click.option(
    "--path", callback=parse_path, metavar="PATH", help="Answer 404 to every other path.  [default: all paths]"
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    callback=parse_protocols,
    metavar="NAME",
    help="Sub-protocol to accept; repeatable.",
)
@click.option("--cert", type=FILE, metavar="FILE", help="Certificate chain (PEM file); the address is wss:// then.")
@click.option("--key", type=FILE, metavar="FILE", help="The certificate's private key (PEM file).")
@click.option("--compress", is_flag=True, help="Accept compression (permessage-deflate).")
@click.option(
    "--max-size",
    default="64M",
    show_default=True,
    type=SIZE,
    metavar="BYTES",
    help="Largest message, such as 65536, 64K, 16M.",
)
@click.option("--fanout", is_flag=True, help=f"Send each message that arrives on {FANOUT} to all peers there.")
@click.option("--reuse-port", is_flag=True, help="Share the port with other processes that also use this option.")
@click.option("--no-heartbeat", is_flag=True, help=f"Send no pings.  [default: one each {HEARTBEAT:g} s]")
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

    Text comes back as text, binary as binary. The command prints one line when it listens. Ctrl-C and SIGTERM close all
    connections with code 1001 and end the command with status 0; a second Ctrl-C ends it at once.
    """
    server = WebSocketServer()
    scheme = set_tls(server, cert, key)
    set_limits(server, max_size)
    server.compression = compress
    server.reuse_port = reuse_port
    server.heartbeat_interval = 0.0 if no_heartbeat else HEARTBEAT
    server.allowed_paths = allowed_paths(path, fanout)
    Fanout(server) if fanout else Echo(server)
    with Stop() as stop:
        server.bind_ip = resolve(host)
        check_listening(server, server.listen(port, protocols))
        click.echo(f"gdpeer echo: listening on {address(scheme, host, server.get_local_port(), path or '/')}")
        while not stop.requested:
            server.poll(timeout=TURN)
        drain(server)
