"""What the door and the workers of `gdpeer serve` have in common: they are children of one process, and end with it.

The parent starts each child as a program of its own, so that it loads the game's code anew. The child gets descriptors:

    control    a `Link` to the parent, lines of JSON
    life       a pipe that ends with the parent, also after kill -9
    listen     the listening sockets, for the door
    broker     the end of a socket to the parent's directory, for a worker without another broker

Workers that share a broker of their own also get a folder of the parent, for the sockets where they ask each other for
their health. The parent removes the socket of a worker that was killed, and the folder at its end. If the parent was
killed, the last worker removes the folder.

Layer: `cluster`.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from typing import Any, NamedTuple

__all__ = ["VARIABLE", "ChildSettings", "end_with_parent", "health_socket"]

VARIABLE = "GDPEER_CHILD"
"""The variable with the settings of a child."""

PATIENCE = 10.0
"""Seconds that a child has to end by itself after its parent has gone."""


class ChildSettings(NamedTuple):
    """What a child gets from its parent, besides the options of the command.

    Attributes:
        role: "door" or "worker".
        name: of the worker; "door".
        control: the descriptor of the link to the parent.
        life: the descriptor of the pipe that ends with the parent.
        listen: descriptors of listening sockets.
        broker: the descriptor of the link to the parent's directory; -1: there is another broker.
        folder: of the workers' sockets for health; "": there is none.
        slot: of the worker; see `Cluster`.
    """

    role: str
    name: str
    control: int
    life: int
    listen: tuple[int, ...] = ()
    broker: int = -1
    folder: str = ""
    slot: str = ""

    def descriptors(self) -> tuple[int, ...]:
        """Returns all descriptors, for the child to inherit."""
        some = (self.control, self.life, *self.listen)
        return some if self.broker < 0 else (*some, self.broker)

    def write(self) -> str:
        """Returns the settings as a text for the environment."""
        return json.dumps(self._asdict())

    @classmethod
    def read(cls) -> ChildSettings | None:
        """Takes the settings out of the environment of this process; None: this is no child.

        What the game starts itself is no child.
        """
        text = os.environ.pop(VARIABLE, "")
        if not text:
            return None
        given: dict[str, Any] = json.loads(text)
        settings = cls(**{**given, "listen": tuple(given["listen"])})
        for descriptor in settings.descriptors():
            os.set_inheritable(descriptor, False)
        return settings


def health_socket(folder: str, name: str) -> str:
    """Returns the path of the socket where a worker answers others on its machine. It is short, as systems want it."""
    return f"{folder}/{name.rpartition('-')[2]}.sock"


def end_with_parent(life: int, folder: str = "", *, patience: float = PATIENCE) -> threading.Thread:
    """Starts a thread that ends this process soon after its parent has gone.

    The process's own loop sees the end of its link, and ends in good order. The thread is for a process that hangs.

    Args:
        life: the descriptor of a pipe that ends with the parent.
        folder: of sockets, which is removed then; "": none.
        patience: seconds that the loop has.
    """

    def watch() -> None:
        try:
            while os.read(life, 1):
                pass  # the parent writes nothing
        except OSError:
            return  # closed: the process ends already
        time.sleep(patience)
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    thread = threading.Thread(target=watch, name="gdpeer-life", daemon=True)
    thread.start()
    return thread
