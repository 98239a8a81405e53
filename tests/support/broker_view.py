"""Looks at a broker from outside, as another program does; `SaveWatch` notes who saves which room.

with BrokerView(url) as view:
    view.scan("r:")                     the entries of rooms; None while the broker is away

with SaveWatch(url) as watch:
    ...
    assert watch.went_back() == []
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from gdpeer.cluster.broker.base import BrokerError, Entry
from gdpeer.cluster.broker.open import open_broker

LONG = 10.0
EVERY = 0.1


class BrokerView:
    """The entries of a broker. Use it in one thread.

    Args:
        url: of the broker.
    """

    def __init__(self, url: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._broker = open_broker(url, "gdpeer", self._calls.put)

    def scan(self, prefix: str) -> list[Entry] | None:
        """Returns the entries whose keys begin with a text; None: the broker does not answer."""
        answer = self._broker.scan(prefix)
        end = time.monotonic() + LONG
        while not answer.is_done and time.monotonic() < end:
            try:
                self._calls.get(timeout=0.1)()
            except queue.Empty:
                continue
        try:
            return answer.result()
        except BrokerError:
            return None

    def close(self) -> None:
        """Ends the connection."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SaveWatch:
    """Reads all saved states ten times a second, in a thread.

    Args:
        url: of the broker.

    Attributes:
        seen: the worker and the term of each save that was seen, by the code of its room.
        looks: how often everything was read.
    """

    def __init__(self, url: str) -> None:
        self.seen: dict[str, list[tuple[str, int]]] = {}
        self.looks = 0
        self._view = BrokerView(url)
        self._revisions: dict[str, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def owner(self, code: str) -> str:
        """Returns the name of the worker that wrote the save of a room last."""
        return self.seen[code][-1][0]

    def went_back(self) -> list[str]:
        """Returns the codes of the rooms that were saved in a term after they had been saved in a later one."""
        return [
            code
            for code, saves in self.seen.items()
            if any(later[1] < earlier[1] for earlier, later in pairwise(saves))
        ]

    def _run(self) -> None:
        while not self._is_over.wait(EVERY):
            entries = self._view.scan("save:")
            for entry in entries or ():
                self._take(entry.key[5:], entry.revision, entry.value)
            self.looks += entries is not None

    def _take(self, code: str, revision: int, value: dict[str, Any]) -> None:
        if self._revisions.get(code) != revision:
            self._revisions[code] = revision
            self.seen.setdefault(code, []).append((value["worker"], value["term"]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(LONG)
        self._view.close()
