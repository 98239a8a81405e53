"""`HealthAsker`: asks another worker over HTTP, here with a hall that listens."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gdpeer.cluster.broker.base import NoAnswer
from gdpeer.cluster.health import MOST_ASKING, HealthAsker
from gdpeer.rooms import Hall
from gdpeer.rooms.watching import health_of


class Asking:
    """An asker, and a hall of another worker that is polled meanwhile."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.soon: deque[Callable[[], object]] = deque()
        self.ask = HealthAsker("a", self.soon.append)

    def answer(self, address: str) -> bool:
        answer = self.ask(address)
        end = time.monotonic() + 5.0
        while not answer.is_done and time.monotonic() < end:
            self.hall.poll(0.01)
            while self.soon:
                self.soon.popleft()()
        return answer.result()


def worker(name: str, renews: bool) -> Any:
    return SimpleNamespace(name=name, member=SimpleNamespace(is_renewing=lambda: renews))


@pytest.fixture
def hall() -> Iterator[Hall]:
    with Hall() as hall:
        hall.http_handler = health_of(hall)
        hall.cluster = worker("b", renews=True)
        yield hall


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_another_worker_says_whether_it_renews_its_lease(hall: Hall, scheme: str) -> None:
    hall.listen(0, "127.0.0.1")
    asking = Asking(hall)
    url = f"{scheme}://127.0.0.1:{hall.get_local_port()}"
    assert asking.answer(url) is True
    hall.cluster = worker("b", renews=False)
    assert asking.answer(url) is False


def test_a_worker_answers_at_a_socket_of_this_machine(hall: Hall, tmp_path: Path) -> None:
    hall.listen(1, f"unix:{tmp_path}/b.sock")
    assert Asking(hall).answer(f"unix:{tmp_path}/b.sock") is True


def test_the_own_answer_and_other_pages_count_as_none(hall: Hall) -> None:
    hall.listen(0, "127.0.0.1")
    url = f"http://127.0.0.1:{hall.get_local_port()}"
    for cluster in (worker("a", renews=True), None):
        hall.cluster = cluster
        with pytest.raises(NoAnswer):
            Asking(hall).answer(url)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "unix:/nowhere", "", "ftp://a", "http://[", "https://127.0.0.1:1"]
)
def test_wrong_addresses_give_no_answer(hall: Hall, address: str) -> None:
    with pytest.raises(NoAnswer, match="no other worker answers"):
        Asking(hall).answer(address)


def test_only_a_few_questions_wait_at_a_time(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr("gdpeer.cluster.health._read", lambda address: go_on.wait(10))
    asking = Asking(hall)
    for _ in range(MOST_ASKING):
        asking.ask("http://x")
    with pytest.raises(NoAnswer, match="too many"):
        asking.ask("http://x").result()
    go_on.set()
