"""Reads typed lines on a terminal, with editing and history, while messages appear above the line.

The history is kept in memory only and ends with the command, because typed lines may hold passwords.

Layer: `cli`. Without prompt_toolkit, or in a pipe, `gdpeer.terminal.lines` reads the lines.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from typing import Any, Self

from gdpeer.terminal.lines import ReadAhead

__all__ = ["PromptLines", "can_prompt"]

PROMPT = "> "

JOIN = 2.0
"""Seconds to wait for the thread that reads keys, at its start and at its end."""


def can_prompt() -> bool:
    """Returns whether a person sits at a terminal that can be drawn on, and prompt_toolkit is installed."""
    streams = (sys.stdin, sys.stdout)
    is_terminal = all(stream is not None and stream.isatty() for stream in streams)
    is_plain = os.environ.get("TERM") == "dumb"
    return is_terminal and not is_plain and importlib.util.find_spec("prompt_toolkit") is not None


class PromptLines(ReadAhead[str]):
    """Typed lines, with the methods of `gdpeer.terminal.lines.Lines`; they come from `begin` on.

    As a context manager it lets standard output appear above the line that is being typed.

    Thread rule: make and leave it in the main thread; a thread of its own has the terminal from `begin` on.
    """

    def __init__(self) -> None:
        super().__init__(0, "prompt")
        # Do not ask the terminal for its cursor: if it does not answer, prompt_toolkit prints a warning later.
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.patch_stdout import StdoutProxy

        self._session: Any = PromptSession(PROMPT, history=InMemoryHistory(), enable_suspend=False)
        self._proxy: Any = StdoutProxy(raw=True)
        self._before = sys.stdout, sys.stderr
        self._is_ready = threading.Event()
        self._is_closing = False

    def __enter__(self) -> Self:
        sys.stdout = self._proxy
        if sys.stderr is not None and sys.stderr.isatty():  # in a file it does not disturb the prompt
            sys.stderr = self._proxy
        return self

    def begin(self) -> None:
        """Shows the prompt. From now on a thread reads the keys, and Ctrl-C is a key instead of a signal."""
        self._thread.start()
        self._is_ready.wait(JOIN)

    def __exit__(self, *error: object) -> None:
        """Restores the terminal, after all waiting output was written."""
        self._is_closing = True
        if self._thread.is_alive():
            app = self._session.app
            loop = app.loop
            # The loop belongs to the thread, and the prompt may end by itself before the loop gets the call.
            if loop is not None and app.is_running:
                loop.call_soon_threadsafe(lambda: app.exit(exception=EOFError()) if app.is_running else None)
            self._thread.join(JOIN)
        self._proxy.close()
        sys.stdout, sys.stderr = self._before

    def _read(self) -> None:
        try:
            while not self._is_closing:
                # Pasted text may hold several lines: each is a message.
                for line in self._session.prompt(handle_sigint=False, pre_run=self._is_ready.set).split("\n"):
                    self._queue.put(line)
        except EOFError:
            pass
        except KeyboardInterrupt:  # the Ctrl-C key; the terminal sends no signal while prompt_toolkit reads keys
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            self._is_ready.set()
