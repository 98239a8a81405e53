"""`ThreadBroker` and `LinkKeeper` with a link that does what the test says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker import link as link_module
from gdpeer.cluster.broker import thread as thread_module
from gdpeer.cluster.broker.base import Away, BrokerError, NoAnswer, Unsupported
from gdpeer.cluster.broker.link import Row, Sink
from gdpeer.cluster.broker.thread import ThreadBroker


class FakeLink:
    """A link whose methods call what the test has put into `does`, by name."""

    def __init__(self, does: dict[str, Callable[..., Any]], sink: Sink) -> None:
        self.does, self.sink = does, sink
        self.calls: list[tuple[Any, ...]] = []

    async def _do(self, name: str, *arguments: Any) -> Any:
        self.calls.append((name, *arguments))
        result = self.does.get(name, lambda *_: None)(*arguments)
        return await result if isinstance(result, Awaitable) else result

    async def open(self) -> None:
        await self._do("open")

    async def check(self) -> None:
        await self._do("check")

    async def get(self, key: str) -> Row | None:
        found: Row | None = await self._do("get", key)
        return found

    async def write(self, key: str, data: bytes, revision: int | None) -> int:
        return int(await self._do("write", key, data, revision) or 1)

    async def delete(self, key: str, revision: int | None) -> None:
        await self._do("delete", key, revision)

    async def scan(self, prefix: str) -> list[Row]:
        return list(await self._do("scan", prefix) or ())

    async def publish(self, subject: str, data: bytes) -> None:
        await self._do("publish", subject, data)

    async def subscribe(self, subject: str) -> None:
        await self._do("subscribe", subject)

    async def unsubscribe(self, subject: str) -> None:
        await self._do("unsubscribe", subject)

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        return bytes(await self._do("request", subject, data, timeout) or b"{}")

    async def reply(self, token: object, data: bytes | None) -> None:
        await self._do("reply", token, data)

    async def close(self) -> None:
        await self._do("close")

    def translate(self, problem: Exception) -> BrokerError:
        return Away(f"lost: {problem}") if isinstance(problem, OSError) else BrokerError(f"refused: {problem}")


class Game:
    """The thread of the game, and a broker whose links are fakes."""

    def __init__(self) -> None:
        self.does: dict[str, Callable[..., Any]] = {}
        self.links: list[FakeLink] = []
        self.waiting: deque[Callable[[], object]] = deque()
        self.broker = ThreadBroker(self._make, "fake://", self.waiting.append)

    def _make(self, sink: Sink) -> FakeLink:
        self.links.append(FakeLink(self.does, sink))
        return self.links[-1]

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def poll(self) -> None:
        while self.waiting:
            self.waiting.popleft()()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10.0
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.poll()
            time.sleep(0.002)

    def wait(self, answer: Answer[Any]) -> Any:
        self.until(lambda: answer.is_done)
        return answer.result()

    def in_loop(self, callback: Callable[[], object]) -> None:
        """Runs something in the other thread, as a library does."""
        self.broker._loop.call_soon_threadsafe(callback)


@pytest.fixture
def game(monkeypatch: pytest.MonkeyPatch) -> Iterator[Game]:
    for name, seconds in (("VERB_TIME", 0.5), ("STEP_TIME", 0.3), ("CHECK_EVERY", 0.02), ("LONGEST_PAUSE", 0.05)):
        monkeypatch.setattr(link_module, name, seconds)
    monkeypatch.setattr(link_module, "REFUSED_PAUSE", 0.05)
    monkeypatch.setattr(link_module, "OPEN_TIME", 0.5)
    game = Game()
    yield game
    game.broker.close()
    assert not any(thread.name == "gdpeer-broker" and thread.is_alive() for thread in threading.enumerate())


def fail(problem: Exception) -> Callable[..., Any]:
    def do(*arguments: Any) -> Any:
        raise problem

    return do


async def never(*arguments: Any) -> Any:
    await asyncio.Event().wait()


def test_a_verb_that_is_not_answered_fails_in_time(game: Game) -> None:
    game.does["get"] = never
    began = time.monotonic()
    with pytest.raises(Away, match="not answered in time"):
        game.wait(game.broker.get("r:A"))
    assert time.monotonic() - began < 2.0
    assert game.broker.is_connected


def test_a_link_that_does_not_answer_a_check_is_replaced_and_its_calls_fail(game: Game) -> None:
    game.does["request"] = never
    game.broker.subscribe("dir", print)
    game.wait(game.broker.get("r:A"))
    first = game.link
    changes: list[bool] = []
    game.broker.on_change = lambda: changes.append(game.broker.is_connected)
    answer = game.broker.request("w.b", {}, 60.0)
    game.does["check"] = never
    with pytest.raises(Away, match="was lost"):
        game.wait(answer)
    game.does.clear()
    game.until(lambda: changes)
    assert changes[0] is False
    game.until(lambda: game.broker.is_connected)
    assert ("close",) in first.calls
    assert game.link is not first
    assert ("subscribe", "dir") in game.link.calls


def test_a_check_that_comes_late_because_this_thread_did_not_run_is_tried_again(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "HELD_UP", 0.05)
    game.wait(game.broker.get("r:A"))
    held: list[int] = []

    async def check() -> None:
        if not held:
            held.append(1)
            time.sleep(0.5)  # as when another thread keeps the interpreter
            await asyncio.sleep(0.5)

    game.does["check"] = check
    game.until(lambda: held)
    time.sleep(0.3)
    game.poll()
    assert game.broker.is_connected
    assert len(game.links) == 1


def test_an_error_of_the_network_gives_the_link_up(game: Game) -> None:
    game.does["get"] = fail(ConnectionResetError("reset"))
    game.until(lambda: game.broker.is_connected)
    first = game.link
    with pytest.raises(Away, match="lost: reset"):
        game.wait(game.broker.get("r:A"))
    game.until(lambda: game.link is not first)


def test_a_refusal_of_the_server_keeps_the_link(game: Game) -> None:
    game.does["get"] = fail(RuntimeError("no permission"))
    with pytest.raises(BrokerError, match="refused: no permission"):
        game.wait(game.broker.get("r:A"))
    assert len(game.links) == 1
    assert game.broker.is_connected


def test_a_link_that_says_that_it_is_lost_is_replaced(game: Game) -> None:
    game.wait(game.broker.get("r:A"))
    first = game.link
    game.in_loop(lambda: first.sink.take_loss(OSError("gone")))
    game.until(lambda: game.link is not first and game.broker.is_connected)
    game.in_loop(lambda: first.sink.take_loss(OSError("gone again")))
    game.wait(game.broker.get("r:A"))
    assert len(game.links) == 2


def test_a_server_that_cannot_do_what_is_needed_is_told_once_and_asked_again(
    game: Game, caplog: pytest.LogCaptureFixture
) -> None:
    game.until(lambda: game.broker.is_connected)
    game.does["open"] = fail(Unsupported("NATS 2.2.0 is too old"))
    game.in_loop(lambda: game.links[0].sink.take_loss(OSError()))
    game.until(lambda: len(game.links) >= 4)
    with pytest.raises(Unsupported, match=r"2\.2\.0"):
        game.wait(game.broker.get("r:A"))
    assert caplog.text.count("is too old") == 1
    del game.does["open"]
    game.until(lambda: game.broker.is_connected)


def test_calls_wait_for_the_subscriptions_before_them(game: Game) -> None:
    game.until(lambda: game.broker.is_connected)
    order: list[str] = []

    async def subscribe(subject: str) -> None:
        await asyncio.sleep(0.05)
        order.append("subscribed")

    game.does["subscribe"] = subscribe
    game.does["publish"] = lambda *_: order.append("published")
    game.broker.subscribe("dir", print)
    game.wait(game.broker.publish("dir", {}))
    assert order == ["subscribed", "published"]


def test_a_subscription_that_fails_gives_the_link_up(game: Game) -> None:
    game.until(lambda: game.broker.is_connected)
    game.does["subscribe"] = fail(OSError("gone"))
    game.broker.subscribe("dir", print)
    game.until(lambda: not game.broker.is_connected)
    game.does.clear()
    game.until(lambda: game.broker.is_connected)
    assert ("subscribe", "dir") in game.link.calls


def test_a_subscription_of_a_former_link_harms_the_present_one_no_more(game: Game) -> None:
    game.until(lambda: game.broker.is_connected)
    first, begun = game.link, []

    async def subscribe(subject: str) -> None:
        begun.append(subject)
        try:
            await asyncio.sleep(10.0)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)  # as a library that ends a connection
            raise OSError("the former link") from None

    game.does["subscribe"] = subscribe
    game.broker.subscribe("dir", print)
    game.until(lambda: begun)
    game.does.clear()
    game.in_loop(lambda: first.sink.take_loss(OSError("gone")))
    game.until(lambda: len(game.links) == 2)
    time.sleep(0.3)
    game.wait(game.broker.get("r:A"))
    assert len(game.links) == 2


def test_too_many_calls_fail_at_once(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_module, "MOST_CALLS", 3)
    game.does["get"] = never
    answers = [game.broker.get("r:A") for _ in range(4)]
    assert [answer.is_done for answer in answers] == [False, False, False, True]
    with pytest.raises(Away, match="too many calls"):
        answers[3].result()
    game.until(lambda: all(answer.is_done for answer in answers))
    assert not game.broker.get("r:A").is_done


def test_a_request_beyond_the_limit_is_refused_at_its_sender(
    game: Game, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(thread_module, "MOST_WAITING", 2)
    heard: list[Any] = []
    game.broker.subscribe("w.a", lambda message: heard.append(message.value))
    game.wait(game.broker.get("r:A"))
    sink = game.link.sink
    for n in range(4):
        game.in_loop(lambda n=n: sink.take_message("w.a", b'{"n":%d}' % n, n))
    deadline = time.monotonic() + 5.0
    while game.broker.dropped < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    game.until(lambda: len(heard) == 2 and ("reply", 3, None) in game.link.calls)
    assert [call for call in game.link.calls if call[0] == "reply"] == [("reply", 2, None), ("reply", 3, None)]
    assert caplog.text.count("are dropped") == 1
    game.in_loop(lambda: sink.take_message("w.a", b'{"n":9}', None))
    game.until(lambda: len(heard) == 3)


def test_an_answer_that_cannot_be_sent_is_logged(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    game.does["reply"] = fail(OSError("gone"))
    game.broker.subscribe("w.a", lambda message: message.reply({}))
    game.wait(game.broker.get("r:A"))
    game.in_loop(lambda: game.link.sink.take_message("w.a", b"{}", 1))
    game.until(lambda: "an answer could not be sent: OSError" in caplog.text)


def test_an_answer_of_a_request_that_is_no_value_is_refused(game: Game) -> None:
    game.does["request"] = lambda *_: b"[1]"
    with pytest.raises(BrokerError, match="no object of JSON"):
        game.wait(game.broker.request("w.a", {}))
    game.does["request"] = fail(NoAnswer("nobody"))
    with pytest.raises(NoAnswer):
        game.wait(game.broker.request("w.a", {}))


def test_a_message_that_is_no_value_is_dropped(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []
    game.broker.subscribe("dir", lambda message: heard.append(message.value))
    game.wait(game.broker.get("r:A"))
    for data in (b"[1]", b"{}"):
        game.in_loop(lambda data=data: game.link.sink.take_message("dir", data, None))
    game.until(lambda: heard)
    assert heard == [{}]
    assert "a message to dir was dropped" in caplog.text


def test_a_mistake_in_a_verb_is_told(
    game: Game, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    game.does["get"] = fail(RuntimeError("odd"))
    monkeypatch.setattr(FakeLink, "translate", fail(TypeError("a mistake")))
    with pytest.raises(BrokerError, match="mistake in the client: TypeError"):
        game.wait(game.broker.get("r:A"))
    assert "a mistake" in caplog.text


def test_what_the_game_does_with_answers_may_raise(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    game.broker.on_change = fail(RuntimeError("a mistake in on_change"))
    game.broker.get("r:A").then(fail(RuntimeError("a mistake in then")))
    other = game.broker.get("r:B")
    game.wait(other)
    assert "a mistake in on_change" in caplog.text
    assert "a mistake in then" in caplog.text


def test_a_mistake_in_a_link_does_not_end_the_thread(
    game: Game, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_module, "CLOSE_TIME", 0.1)
    game.until(lambda: game.broker.is_connected)
    make, game._make = game._make, None  # type: ignore[assignment, method-assign]
    keeper = game.broker._keeper
    monkeypatch.setattr(keeper, "_make", fail(RuntimeError("a mistake")))
    game.in_loop(lambda: game.links[0].sink.take_loss(OSError()))
    game.until(lambda: "a mistake" in caplog.text)
    monkeypatch.setattr(keeper, "_make", make)
    game.until(lambda: game.broker.is_connected)


def test_closing_before_the_first_connection(game: Game) -> None:
    other = Game()
    other.does["open"] = never
    answer = other.broker.get("r:A")
    began = time.monotonic()
    other.broker.close()
    assert time.monotonic() - began < 1.9
    with pytest.raises(Away):
        answer.result()
    other.poll()


def test_closing_in_the_other_thread_does_not_wait_for_itself(game: Game) -> None:
    game.until(lambda: game.broker.is_connected)
    game.in_loop(game.broker.close)
    game.until(lambda: not game.broker._thread.is_alive())


def test_a_link_that_does_not_close_holds_nobody_up(game: Game) -> None:
    game.until(lambda: game.broker.is_connected)
    game.does["close"] = never
    began = time.monotonic()
    game.broker.close()
    assert time.monotonic() - began < 1.9
    assert not game.broker._thread.is_alive()
