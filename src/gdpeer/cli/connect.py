"""`gdpeer connect`: a WebSocket client for terminals and pipes.

Layer: `cli`.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TypeAlias

import click

from gdpeer import Cause, Error, TLSOptions, WebSocketPeer
from gdpeer.cli.chunks import Chunks
from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import HEADER, SECONDS, SIZE, Parsed, number, protocols_option, trust_options
from gdpeer.cli.prompting import PromptLines, can_prompt
from gdpeer.cli.screen import Screen
from gdpeer.cli.tunnels import names_option
from gdpeer.cli.typed import HELP, Binary, Close, Help, Ping, parse
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.quoting import redact
from gdpeer.terminal.lines import Lines, ReadAhead, is_typed
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.settings import MOST_REDIRECTS
from gdpeer.websocket.states import PeerWriteMode

__all__ = ["Conversation", "begin", "connect", "make_peer", "redirects_option"]

TURN = 0.02
"""The most seconds that one poll waits, and so the longest delay of a typed line."""

LINES_A_TURN = 1000
"""Lines that are sent before replies are read again."""

LIMIT = 64 * 1024 * 1024
"""Bytes of the longest message, in and out."""

CHUNK = 64 * 1024
"""Bytes of each message with `--binary`, by default."""

CLOSE_TIMEOUT = 3.0
"""Seconds to wait for the answer to a close. Short, because a person waits for the command to end."""

REDIRECTS = Parsed("n", number(0, MOST_REDIRECTS, f"a number from 0 to {MOST_REDIRECTS}"))

redirects_option = click.option(
    "--max-redirects", default=0, show_default=True, type=REDIRECTS, help="Follow up to N redirects."
)
"""Adds `--max-redirects` to a command."""

RAW = "raw"

Source: TypeAlias = "ReadAhead[str] | ReadAhead[bytes]"

State = WebSocketPeer.State
TEXT, BINARY = WebSocketPeer.WriteMode


class Conversation:
    """Sends lines to a server and shows its messages, over one connection.

    Args:
        peer: has begun to connect.
        lines: the messages to send.
        screen: shows messages and the state of the connection.
        decoder: decodes Godot's packets; None shows their bytes.
        is_typed: whether a person types, so that lines with a slash are commands.
        linger: seconds to wait for replies after the last line; only without a person.

    Attributes:
        was_open: whether the connection has been open.
    """

    def __init__(
        self, peer: WebSocketPeer, lines: Source, screen: Screen, decoder: Decoder | None, is_typed: bool, linger: float
    ) -> None:
        self._peer = peer
        self._decoder = decoder
        self._lines = lines
        self._screen = screen
        self._is_typed = is_typed
        self._linger = 0.0 if is_typed else linger  # a person has seen the replies before ending the input
        self._end_at: float | None = None
        self._latency = -1.0
        self.was_open = False

    def run(self, stop: Stop) -> None:
        """Returns when the connection is closed; a requested stop closes it."""
        peer = self._peer
        while peer.get_ready_state() != State.CLOSED:
            peer.poll(timeout=TURN)
            self._open_turn()
            self._show_packets()
            self._show_latency()
            if stop.requested:
                peer.close()

    def _open_turn(self) -> None:
        """Greets and sends lines, while the connection is open."""
        if self._peer.get_ready_state() != State.OPEN:
            return
        if not self.was_open:
            self.was_open = True
            self._greet()
        self._send_lines()
        if self._lines.ended:
            self._end_after_linger()

    def _greet(self) -> None:
        if isinstance(self._lines, PromptLines):
            self._lines.begin()  # not earlier: a prompt tells a person that lines can be sent
        protocol = self._peer.get_selected_protocol()
        chosen = f", sub-protocol {protocol}" if protocol else ""
        self._screen.status(f"connected to {redact(self._peer.get_requested_url())}{chosen}")
        if self._is_typed:
            self._screen.status("type a line to send it; /help lists the commands")

    def _show_packets(self) -> None:
        peer = self._peer
        while peer.get_available_packet_count():
            self._show(Message(peer.get_packet(), peer.was_string_packet()))

    def _show(self, message: Message) -> None:
        if self._decoder is not None:
            decoded = self._decoder.decode(Direction.TO_CLIENT, message)
            if self._decoder.dialect != RAW:
                self._screen.decoded(f"{decoded.command} {decoded.summary()}")
                return
        # Show messages that are not of Godot's multiplayer whole, as without a decoder: its text of them is shortened.
        show = self._screen.text if message.is_text else self._screen.binary
        show(message.data)

    def _show_latency(self) -> None:
        latency = self._peer.get_latency()
        if latency != self._latency and latency >= 0:
            self._latency = latency
            self._screen.status(f"ping {latency * 1000:.2f} ms")

    def _send_lines(self) -> None:
        """Sends the lines that wait, as far as there is room."""
        for _ in range(LINES_A_TURN):
            # Take a line only after it was sent: one that finds no room is tried again in the next turn.
            line = self._lines.peek()
            # A command may have closed the connection: the lines after it are not sent.
            if line is None or self._peer.get_ready_state() != State.OPEN:
                return
            if not self._say(line):
                return
            self._lines.take()

    def _say(self, line: str | bytes) -> bool:
        """Sends a line or a chunk, or obeys a command; returns False if there is no room for it yet."""
        if isinstance(line, bytes):
            return self._send(line, BINARY)
        return self._obey(line) if self._is_typed else self._send(line.encode(), TEXT)

    def _obey(self, line: str) -> bool:
        """Sends a typed line or obeys its command; returns False if there is no room for it yet."""
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
        """Sends a message, or reports that it cannot be sent; returns False if there is no room for it yet."""
        error = self._peer.send(message, mode)
        # Without anything waiting, no room means that the message is longer than the limit: it will never fit.
        if error == Error.ERR_OUT_OF_MEMORY and self._peer.get_current_outbound_buffered_amount():
            return False
        if error != Error.OK:
            self._screen.status(f"not sent: {error.name}", "red")
        return True

    def _end_after_linger(self) -> None:
        """Closes the connection once all lines have left and the time for replies is over."""
        now = time.monotonic()
        # The time for replies begins when the last line has left, not when it was queued.
        if self._end_at is None and not self._peer.get_current_outbound_buffered_amount():
            self._end_at = now + self._linger
        if self._end_at is not None and now >= self._end_at:
            self._peer.close()


def make_peer(protocols: tuple[str, ...], headers: tuple[str, ...], compress: bool, ping: float) -> WebSocketPeer:
    """Returns a peer with the settings that the options ask for."""
    peer = WebSocketPeer()
    peer.supported_protocols = list(protocols)
    peer.handshake_headers = list(headers)
    peer.compression = compress
    peer.heartbeat_interval = ping
    peer.close_timeout = CLOSE_TIMEOUT
    peer.inbound_buffer_size = LIMIT
    peer.outbound_buffer_size = LIMIT
    return peer


def begin(peer: WebSocketPeer, url: str, tls: TLSOptions | None) -> None:
    """Begins to connect. A certificate file that cannot be used is no usage error: the peer has ended with its cause.

    Raises:
        click.UsageError: the URL is wrong.
    """
    if peer.connect_to_url(url, tls) == Error.ERR_INVALID_PARAMETER and peer.get_close_cause().cause != Cause.TLS:
        raise click.UsageError(peer.get_close_cause().detail)


def describe_end(peer: WebSocketPeer) -> str:
    """Returns close code and reason in one line, and the cause unless the connection was closed in order."""
    code, reason, cause = peer.get_close_code(), peer.get_close_reason(), peer.get_close_cause()
    said = "connection lost" if code == -1 else f"closed with code {code}"
    if reason:
        said += f", reason {reason!r}"
    return said if cause.cause == Cause.CLOSED else f"{said} ({cause})"


def finish(conversation: Conversation, peer: WebSocketPeer, screen: Screen, stop: Stop) -> int:
    """Shows how the connection ended, and returns the exit status.

    Raises:
        Failure: the connection was never open.
    """
    is_clean = peer.get_close_cause().cause == Cause.CLOSED
    # A connection that opened and ended within one poll was never seen open, but it has a close code.
    if not conversation.was_open and peer.get_close_code() == -1:
        if stop.requested:
            screen.status("interrupted before the connection was open")
            return INTERRUPTED
        raise Failure(f"{redact(peer.get_requested_url())}: {peer.get_close_cause()}")
    screen.status(describe_end(peer), "dim" if is_clean else "red")
    return 0 if is_clean or stop.requested else 1  # Ctrl-C is in order even if the server does not answer the close


def chunk_size(binary: bool, chunk: int | None, whole: bool) -> int | None:
    """Returns the bytes of each binary message; 0 for one message of everything, None to send lines.

    Raises:
        click.UsageError: the options exclude each other, or standard input is a terminal.
    """
    if not binary:
        if chunk is not None or whole:
            raise click.UsageError("--chunk and --whole need --binary")
        return None
    if whole and chunk is not None:
        raise click.UsageError("--chunk and --whole cannot be used together")
    if chunk is not None and chunk > LIMIT:
        raise click.UsageError(f"--chunk: expected at most {LIMIT} bytes, got {chunk}")
    if is_typed():
        raise click.UsageError("--binary: expected a pipe or a file as standard input, got a terminal")
    return 0 if whole else chunk or CHUNK


def make_source(size: int | None) -> Source:
    """Returns the source of the messages to send, for the result of `chunk_size`."""
    if size is not None:
        return Chunks(size, LIMIT)
    return PromptLines() if can_prompt() else Lines()


EXAMPLES = """\b
Examples:
  gdpeer connect ws://localhost:9001/
  gdpeer connect ws://localhost:8000/ --protocol demo-chat --ping 5
  gdpeer connect wss://example.org/ws --header 'Authorization: Bearer TOKEN'
  gdpeer connect wss://localhost:8443/ --ca cert.pem
  gdpeer connect ws://localhost:8910 --decode --names my_game/
  echo hello | gdpeer connect ws://localhost:9001/ --linger 0.5
  gdpeer connect ws://localhost:9001/ --binary --whole < level.dat"""


@click.command(epilog=EXAMPLES)
@click.argument("url")
@protocols_option("Sub-protocol to offer; repeatable.")
@click.option("--header", "headers", multiple=True, type=HEADER, help="Header to send with the request; repeatable.")
@click.option("--binary", is_flag=True, help="Send standard input as binary messages.")
@click.option("--chunk", type=SIZE, help="With --binary: size of each message.  [default: 64K]")
@click.option("--whole", is_flag=True, help="With --binary: send all of standard input as one message.")
@click.option("--decode", is_flag=True, help="Decode the packets of Godot's multiplayer.")
@names_option
@trust_options
@redirects_option
@click.option("--compress", is_flag=True, help="Offer compression (permessage-deflate).")
@click.option("--ping", default=0.0, type=SECONDS, help="Send a ping every SECONDS, and show the round-trip time.")
@click.option(
    "--linger",
    default=1.0,
    show_default=True,
    type=SECONDS,
    help="In a pipe: wait this long for replies after the last line.",
)
def connect(
    url: str,
    protocols: tuple[str, ...],
    headers: tuple[str, ...],
    binary: bool,
    chunk: int | None,
    whole: bool,
    decode: bool,
    names: MethodNames,
    tls: TLSOptions | None,
    max_redirects: int,
    compress: bool,
    ping: float,
    linger: float,
) -> int:
    """Talk to a WebSocket server.

    The command sends each line that you type or pipe in as a text message. Received text appears unchanged; binary
    messages appear as their size and first bytes. Messages go to standard output, and other output goes to standard
    error. On a terminal you can edit lines and recall earlier lines; /ping, /close, /binary and /help are commands.

    The status is 0 after a clean close or Ctrl-C, 130 if Ctrl-C comes before the connection is open, and 1 otherwise.
    """
    size = chunk_size(binary, chunk, whole)
    screen = Screen()
    peer = make_peer(protocols, headers, compress, ping)
    peer.max_redirects = max_redirects
    begin(peer, url, tls)
    lines = make_source(size)
    decoder = Decoder("auto", names) if decode else None
    conversation = Conversation(peer, lines, screen, decoder, size is None and is_typed(), linger)
    with Stop() as stop, lines if isinstance(lines, PromptLines) else nullcontext():
        conversation.run(stop)
    if isinstance(lines, Chunks) and lines.problem:
        raise Failure(lines.problem)
    return finish(conversation, peer, screen, stop)
