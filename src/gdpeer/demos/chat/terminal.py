"""A chat client for terminals and pipes: it sends typed lines and prints the messages that come.

Layer: `demos`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from gdpeer import Error, WebSocketPeer
from gdpeer.demos.chat.server import PORT, PROTOCOL
from gdpeer.terminal.lines import Lines, print_line

__all__ = ["URL", "TerminalChat"]

URL = f"ws://localhost:{PORT}/test/"

TURN = 0.05
"""The most seconds that one poll waits, and so the longest delay of a typed line."""

GOODBYE = 3.0
"""Seconds that the server has to answer the close after Ctrl-C."""

State = WebSocketPeer.State


class TerminalChat:
    """A member of the chat room.

    Args:
        url: the room's address.
        protocols: sub-protocols to offer.
        stay: whether to stay connected when the input has ended.
        lines: the texts to send; standard input by default.
        log: called with one line for each message and each change of the connection.
    """

    def __init__(
        self,
        url: str = URL,
        protocols: Sequence[str] = (PROTOCOL,),
        *,
        stay: bool = False,
        lines: Lines | None = None,
        log: Callable[[str], object] = print_line,
    ) -> None:
        self.url = url
        self.stay = stay
        self.lines = lines or Lines()
        self.log = log
        self.peer = WebSocketPeer()
        self.peer.supported_protocols = list(protocols)
        self._typed: deque[str] = deque()
        self._was_open = False

    def run(self) -> int:
        """Joins the room, and returns when either side has closed the connection.

        Returns:
            The exit status: 0 after an orderly close, 1 when the connection failed or was lost.
        """
        error = self.peer.connect_to_url(self.url)
        if error != Error.OK:
            self.log(f"Unable to connect: {error.name}")
            return 1
        try:
            while self.peer.get_ready_state() != State.CLOSED:
                self.poll(TURN)
        except KeyboardInterrupt:
            self._leave()
        return self._farewell()

    def poll(self, timeout: float = 0.0) -> None:
        """Waits up to `timeout` seconds for messages, prints them, and sends the lines that were typed."""
        self.peer.poll(timeout)
        if not self._was_open and self.peer.get_ready_state() == State.OPEN:
            self._was_open = True
            self.log(f"Connected with protocol: {self.peer.get_selected_protocol()}")
        self._print_packets()
        while (line := self.lines.take()) is not None:
            if line:
                self._typed.append(line)
        if self.peer.get_ready_state() == State.OPEN:
            self._send_typed()

    def _print_packets(self) -> None:
        while self.peer.get_available_packet_count():
            packet = self.peer.get_packet()
            self.log(packet.decode() if self.peer.was_string_packet() else f"{len(packet)} bytes that are not text")

    def _send_typed(self) -> None:
        while self._typed:
            error = self.peer.send_text(self._typed[0])
            if error == Error.ERR_OUT_OF_MEMORY and self.peer.get_current_outbound_buffered_amount():
                return  # the server is slow: the line waits for the next turn
            line = self._typed.popleft()
            self.log(f"Sending message: {line}" if error == Error.OK else f"Not sent ({error.name}): {line}")
        if self.lines.ended and not self.stay:
            self.peer.close(1000)

    def _leave(self) -> None:
        self.peer.close(1000)
        deadline = time.monotonic() + GOODBYE
        while self.peer.get_ready_state() != State.CLOSED and time.monotonic() < deadline:
            self.peer.poll(TURN)
            self._print_packets()
        self.peer.close(-1)

    def _farewell(self) -> int:
        self._print_packets()
        code = self.peer.get_close_code()
        if not self._was_open:
            self.log(f"Unable to connect: {self.peer.get_close_cause()}")
        else:
            self.log(f"Disconnected with code: {code}, reason: {self.peer.get_close_reason()}")
        return 0 if code != -1 else 1
