"""The chat in a terminal, or in a pipe: what is typed is sent, what comes is printed.

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
"""Seconds that a poll waits at most: as late can a typed line be noticed."""

GOODBYE = 3.0
"""Seconds that the server has to answer the close after Ctrl-C."""

State = WebSocketPeer.State


class TerminalChat:
    """One who takes part.

    Args:
        url: the room's address.
        protocols: sub-protocols to offer.
        stay: whether to stay and listen when the input has ended; else that closes the connection.
        lines: where the texts come from; by default standard input.
        log: called with one line for every message and everything that happens.
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
        """Join and take part until either side closes.

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
        """One turn: move data, print what came, send what was typed."""
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
