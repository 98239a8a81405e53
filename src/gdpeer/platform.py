"""Where this program runs: on a system of its own, or in a web page; and in which process, where one was forked.

Layer: with `errors`, `signals` and `clock` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

__all__ = ["IN_PAGE", "after_fork", "pause", "process_id"]

IN_PAGE = sys.platform == "emscripten"
"""Whether this is Pyodide: no sockets, and nothing that waits, as the page stands still meanwhile."""


_process = os.getpid()


def process_id() -> int:
    """The number of this process, without asking the system."""
    return _process


def _note_fork() -> None:
    global _process
    _process = os.getpid()


def after_fork(work: Callable[[], object]) -> None:
    """Call `work` in each child process that is forked from now on, before `os.fork` returns there.

    Calls come in the order in which they were asked for. Elsewhere than on POSIX systems there is no fork.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=work)


after_fork(_note_fork)


def pause(seconds: float) -> None:
    """Wait so long. In a page this does nothing: there the next frame is what is waited for."""
    if seconds > 0 and not IN_PAGE:
        time.sleep(seconds)
