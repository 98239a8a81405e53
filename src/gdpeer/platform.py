"""Tells where this program runs: in a process of its own, or in a web page; and in which process after a fork.

Layer: with `errors`, `signals` and `clock` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

__all__ = ["IN_PAGE", "after_fork", "pause", "process_id"]

IN_PAGE = sys.platform == "emscripten"
"""Whether this is Pyodide: there are no sockets, and no call may wait, as the page freezes while it does."""


_process = os.getpid()


def process_id() -> int:
    """Returns the id of this process, without a system call."""
    return _process


def _note_fork() -> None:
    global _process
    _process = os.getpid()


def after_fork(work: Callable[[], object]) -> None:
    """Calls `work` in each child process that is forked from now on, before `os.fork` returns there.

    The calls come in the order of registration. Only POSIX systems have a fork.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=work)


after_fork(_note_fork)


def pause(seconds: float) -> None:
    """Sleeps. Does nothing in a page: there the browser calls again for the next frame."""
    if seconds > 0 and not IN_PAGE:
        time.sleep(seconds)
