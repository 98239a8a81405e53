"""`gdpeer connect`: a WebSocket client for the terminal and for pipes.

Layer: `cli`.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from gdpeer import Cause, Error, WebSocketPeer
from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import SECONDS, Number, parse_headers, parse_protocols, tls_options, trust_options
from gdpeer.cli.screen import Screen
from gdpeer.cli.typed import HELP, Binary, Close, Help, Ping, parse
from gdpeer.demos.lines import Lines, is_typed
from gdpeer.demos.stopping import Stop
from gdpeer.quoting import redact
from gdpeer.websocket.redirects import MOST_REDIRECTS
from gdpeer.websocket.states import PeerWriteMode

__all__ = ["Conversation", "connect"]

TURN = 0.02
"""Seconds that one poll waits at most: as late can a typed line be noticed."""

LINES_A_TURN = 1000
"""Lines sent before it is time to look for replies."""

LIMIT = 64 * 1024 * 1024
"""Bytes of one message, in and out."""

CLOSE_TIMEOUT = 3.0
"""Seconds to wait for the answer to the close: somebody sits there and waits."""

REDIRECTS = Number(0, MOST_REDIRECTS, f"a number from 0 to {MOST_REDIRECTS}")

State = WebSocketPeer.State
TEXT, BINARY = WebSocketPeer.WriteMode


class Conversation:
    """One connection between a server and a person or a pipe.

    Args:
        peer: connecting already.
        lines: what is to be sent.
        screen: where to show what comes.
        is_typed: whether a person types, so that lines with a slash are commands.
        linger: seconds to wait for replies after the end of the lines.
    """

    def __init__(self, peer: WebSocketPeer, lines: Lines, screen: Screen, *, is_typed: bool, linger: float) -> None:
        self._peer = peer
        self._lines = lines
        self._screen = screen
        self._is_typed = is_typed
        self._linger = 0.0 if is_typed else linger
        self._end_at: float | None = None
        self._latency = -1.0
        self.was_open = False

    def run(self, stop: Stop) -> None:
        """Go on until the connection is closed or somebody wants to stop."""
        peer = self._peer
        while peer.get_ready_state() != State.CLOSED:
            peer.poll(timeout=TURN)
            self._open_turn()
            self._show_packets()
            self._show_latency()
            if stop.requested:
                peer.close()

    def _open_turn(self) -> None:
        """What there is to do while the connection is open."""
        if self._peer.get_ready_state() != State.OPEN:
            return
        if not self.was_open:
            self.was_open = True
            self._greet()
        self._send_lines()
        if self._lines.ended:
            self._end_after_linger()

    def _greet(self) -> None:
        protocol = self._peer.get_selected_protocol()
        self._screen.status(
            f"connected to {redact(self._peer.get_requested_url())}"
            + (f", sub-protocol {protocol}" if protocol else "")
        )
        if self._is_typed:
            self._screen.status("type a line to send it, /help for more")

    def _show_packets(self) -> None:
        peer = self._peer
        while peer.get_available_packet_count():
            packet = peer.get_packet()
            if peer.was_string_packet():
                self._screen.text(packet)
            else:
                self._screen.binary(packet)

    def _show_latency(self) -> None:
        latency = self._peer.get_latency()
        if latency != self._latency and latency >= 0:
            self._latency = latency
            self._screen.status(f"ping {latency * 1000:.2f} ms")

    def _send_lines(self) -> None:
        """Send what waits, as far as it goes: a line that finds no room stays until the next turn."""
        for _ in range(LINES_A_TURN):
            line = self._lines.peek()
            if line is None or self._peer.get_ready_state() != State.OPEN:
                return
            is_done = self._obey(line) if self._is_typed else self._send(line.encode(), TEXT)
            if not is_done:
                return
            self._lines.take()

    def _obey(self, line: str) -> bool:
        """Do what a typed line asks for; False when there is no room for it yet."""
        try:
            asked = parse(line)
        except ValueError as error:
            self._screen.status(str(error), "red")
            return True
        match asked:
            case Ping():
                self._peer.ping()
            case Help():
                self._screen.status(HELP)
            case Close(code, reason):
                self._peer.close(code, reason)
            case Binary(data):
                return self._send(data, BINARY)
            case str():
                return self._send(asked.encode(), TEXT)
        return True

    def _send(self, message: bytes, mode: PeerWriteMode) -> bool:
        """Send, and say so when it will never go out; False when there is no room for it yet."""
        error = self._peer.send(message, mode)
        if error == Error.ERR_OUT_OF_MEMORY and self._peer.get_current_outbound_buffered_amount():
            return False
        if error != Error.OK:
            self._screen.status(f"not sent: {error.name}", "red")
        return True

    def _end_after_linger(self) -> None:
        """All lines are out: leave when the time for replies is over."""
        now = time.monotonic()
        if self._end_at is None and not self._peer.get_current_outbound_buffered_amount():
            self._end_at = now + self._linger
        if self._end_at is not None and now >= self._end_at:
            self._peer.close()


def make_peer(protocols: tuple[str, ...], headers: list[str], compress: bool, ping: float) -> WebSocketPeer:
    """A peer as the options ask for it."""
    peer = WebSocketPeer()
    peer.supported_protocols = list(protocols)
    peer.handshake_headers = headers
    peer.compression = compress
    peer.heartbeat_interval = ping
    peer.close_timeout = CLOSE_TIMEOUT
    peer.inbound_buffer_size = LIMIT
    peer.outbound_buffer_size = LIMIT
    return peer


def describe_end(peer: WebSocketPeer) -> str:
    """Close code and reason in one line, and the cause unless it was an orderly end."""
    code, reason, cause = peer.get_close_code(), peer.get_close_reason(), peer.get_close_cause()
    said = "connection lost" if code == -1 else f"closed with code {code}"
    if reason:
        said += f", reason {reason!r}"
    return said if cause.cause == Cause.CLOSED else f"{said} ({cause})"


def finish(conversation: Conversation, peer: WebSocketPeer, screen: Screen, stop: Stop) -> int:
    """Say how it ended; the exit status."""
    is_clean = peer.get_close_cause().cause == Cause.CLOSED
    # Opened and ended within one turn, it was never seen open, but has a code.
    if not conversation.was_open and peer.get_close_code() == -1:
        if stop.requested:
            screen.status("interrupted before the connection was open")
            return INTERRUPTED
        raise Failure(f"{redact(peer.get_requested_url())}: {peer.get_close_cause()}")
    screen.status(describe_end(peer), "dim" if is_clean else "red")
    return 0 if is_clean or stop.requested else 1


EXAMPLES = """\b
Examples:
  gdpeer connect ws://localhost:9001/
  gdpeer connect ws://localhost:8000/ --protocol demo-chat --ping 5
  gdpeer connect wss://example.org/ws --header 'Authorization: Bearer TOKEN'
  gdpeer connect wss://localhost:8443/ --ca cert.pem
  echo hello | gdpeer connect ws://localhost:9001/ --linger 0.5"""


@click.command(epilog=EXAMPLES)
@click.argument("url")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    callback=parse_protocols,
    metavar="NAME",
    help="Sub-protocol to offer; may be repeated.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=parse_headers,
    metavar="'K: V'",
    help="Request header; may be repeated.",
)
@trust_options
@click.option(
    "--max-redirects",
    default=0,
    show_default=True,
    type=REDIRECTS,
    metavar="N",
    help="Follow up to N redirects of the server.",
)
@click.option("--compress", is_flag=True, help="Offer compression (permessage-deflate).")
@click.option(
    "--ping",
    default=0.0,
    type=SECONDS,
    metavar="SECONDS",
    help="Ping each SECONDS and show the round trip.",
)
@click.option(
    "--linger",
    default=1.0,
    show_default=True,
    type=SECONDS,
    metavar="SECONDS",
    help="In a pipe: wait for replies after the last line.",
)
def connect(
    url: str,
    protocols: tuple[str, ...],
    headers: list[str],
    ca: Path | None,
    insecure: bool,
    max_redirects: int,
    compress: bool,
    ping: float,
    linger: float,
) -> int:
    """Talk to a WebSocket server: type lines, see what it sends.

    Text messages are shown as they are, of binary ones the size and the first bytes. Messages go to standard output,
    everything else to standard error. Typed lines with a slash are commands: /ping, /close, /binary, /help. In a pipe
    each line is sent as a text message. Status 0 after a clean close or Ctrl-C, else 1.
    """
    screen = Screen()
    peer = make_peer(protocols, headers, compress, ping)
    peer.max_redirects = max_redirects
    options = tls_options(ca, insecure)
    if peer.connect_to_url(url, options) == Error.ERR_INVALID_PARAMETER and peer.get_close_cause().cause != Cause.TLS:
        raise click.UsageError(peer.get_close_cause().detail)
    conversation = Conversation(peer, Lines(), screen, is_typed=is_typed(), linger=linger)
    with Stop() as stop:
        conversation.run(stop)
    return finish(conversation, peer, screen, stop)
