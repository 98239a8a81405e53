"""Where this program runs: on a system of its own, or in a web page.

Layer: with `errors`, `signals` and `clock` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import sys
import time

__all__ = ["IN_PAGE", "pause"]

IN_PAGE = sys.platform == "emscripten"
"""Whether this is Pyodide: no sockets, and nothing that waits, as the page stands still meanwhile."""


def pause(seconds: float) -> None:
    """Wait so long. In a page this does nothing: there the next frame is what is waited for."""
    if seconds > 0 and not IN_PAGE:
        time.sleep(seconds)
