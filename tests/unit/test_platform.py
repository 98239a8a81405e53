"""What `import gdpeer` needs: a page has no sockets, no TLS and no h11."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABSENT = ("_socket", "_ssl", "asyncio", "concurrent.futures", "h11", "socket", "ssl")
PROGRAM = """
import sys
for name in {absent}:
    sys.modules[name] = None
import gdpeer, threading
gdpeer.WebSocketPeer(), gdpeer.WebSocketClient(), gdpeer.WebSocketMultiplayerPeer(), gdpeer.SceneTree()
print(threading.active_count())
"""


@pytest.mark.parametrize("form", ["import", "in a page"])
def test_neither_sockets_nor_tls_nor_threads_are_needed(form: str) -> None:
    before = "import sys; sys.platform = 'emscripten'\n" if form == "in a page" else ""
    program = before + PROGRAM.format(absent=ABSENT)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
