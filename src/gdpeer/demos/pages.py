"""Serves the web pages of the demos. Each page has a folder of its own, and all share one style.

Layer: `demos`.
"""

from __future__ import annotations

from pathlib import Path

from gdpeer import http

__all__ = ["page_beside"]

LOOK = Path(__file__).with_name("look")


def page_beside(file: str) -> http.Handler:
    """Returns a handler that serves the folder `page` beside a module's `file`, and the style that the pages share."""
    return http.chain(http.StaticFolder(Path(file).with_name("page")), http.StaticFolder(LOOK))
