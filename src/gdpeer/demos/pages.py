"""The web pages of the demos: each has its own folder, and all have one look.

Layer: `demos`.
"""

from __future__ import annotations

from pathlib import Path

from gdpeer import http

__all__ = ["page_beside"]

LOOK = Path(__file__).with_name("look")


def page_beside(file: str) -> http.Handler:
    """Serves the folder `page` beside a module, which is named by its `__file__`, and the look that pages share."""
    return http.chain(http.StaticFolder(Path(file).with_name("page")), http.StaticFolder(LOOK))
