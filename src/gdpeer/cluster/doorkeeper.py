"""`Doorkeeper`: the process of a door, from its parent's first word to its last.

Layer: `cluster`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from gdpeer.cluster.door import Door
from gdpeer.cluster.links import Lines, Link
from gdpeer.transport.poller import Poller
from gdpeer.transport.proxy_header import Proxies

__all__ = ["Doorkeeper"]


class Doorkeeper:
    """Runs a door for the parent. What the parent says, each word a line of JSON:

        {"do": "worker", "name": "w1"}    a worker, and the socket of the link to it
        {"do": "stop"}                    another door accepts from here on: finish what has come, and end
        {"do": "end"}                     end now

    The door says `{"is": "up"}` once it accepts.

    Args:
        listening: sockets that listen already.
        control: the link to the parent.
        poller: for everything.
        proxies: that the door trusts; None: none.

    Attributes:
        door: the door.
        is_over: whether the process may end.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        control: socket.socket,
        poller: Poller,
        proxies: Proxies | None = None,
    ) -> None:
        self.door = Door(listening, poller, proxies)
        self.is_over = False
        self._poller = poller
        self._is_stopping = False
        self._words: dict[str, Callable[[dict[str, Any], list[socket.socket]], object]] = {
            "worker": lambda message, sockets: self.door.add_worker(message["name"], sockets[0]),
            "stop": lambda message, sockets: self.stop(),
            "end": lambda message, sockets: self.end(),
        }
        self._control = Link(control, poller, Lines(self._take).take, self.end)
        self._control.send_line({"is": "up"})

    def _take(self, message: dict[str, Any], sockets: list[socket.socket]) -> None:
        word = self._words.get(message["do"])
        if word is not None:  # the parent may be of another version
            word(message, sockets)

    def turn(self, timeout: float) -> None:
        """Waits for something to do, and does it."""
        self._poller.turn(timeout)
        if self._is_stopping and self.door.is_done:
            self.end()

    def stop(self) -> None:
        """Accepts no more connections, and ends once it has passed those that came."""
        self._is_stopping = True
        self.door.stop_accepting()

    def end(self) -> None:
        """Ends the door: also when the parent is gone."""
        self.is_over = True

    def close(self) -> None:
        """Closes the door and the link to the parent."""
        self.door.close()
        self._control.close()
