"""The contract of `gdpeer.cluster.broker.base.Broker` as test cases, the same for each form of the broker.

    class TestRedis(BrokerContract):
        @pytest.fixture
        def lab(self) -> Iterator[Lab]: ...

A `Lab` opens brokers, lets time pass, and takes the place of the game's thread: answers come only while it waits.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import (
    MOST_BYTES,
    Away,
    BadValue,
    Broker,
    BrokerError,
    Conflict,
    Message,
    NoAnswer,
)

T = TypeVar("T")
LONG = 10.0
"""Seconds after which a test fails: far more than anything takes on a busy machine."""

NAMES = [
    "K7Q2M3",
    "Ann Other",
    "a.b..c.",
    ".",
    "Jörg Ümläut ß",
    "日本語 🎮",
    "x" * 256,
    "🎮" * 256,
    "a:b:c",
    ":",
    "",
    "*",
    ">",
    "p.*.>",
    "[a-z]?\\",
    "{x}{}",
    "=41",
    "$JS.API",
    "\t\r\n\0",
    "half \ud800 of a pair",
    "/../..",
    "%s %d",
]
"""Texts that are the rest of a key: a player may have any of them as a name."""


class Lab(ABC):
    """A form of the broker under test.

    Attributes:
        brokers: all that were opened.
    """

    def __init__(self) -> None:
        self.brokers: list[Any] = []
        self._calls: deque[Callable[[], object]] = deque()
        self._called = threading.Event()

    @abstractmethod
    def open(self) -> Any:
        """Opens a broker that shares the entries of the others."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Lets time pass."""

    @abstractmethod
    def stop(self) -> None:
        """Takes the broker away from all."""

    @abstractmethod
    def start(self, empty: bool = False) -> None:
        """Ends `stop`; with `empty` all entries are lost."""

    @abstractmethod
    def inject(self, key: str, data: bytes) -> None:
        """Writes an entry that may be no value."""

    def inject_message(self, subject: str, data: bytes) -> None:
        """Sends a message that may be no value."""
        raise NotImplementedError

    def serve(self) -> None:
        """Lets the broker work for a moment, without a poll of the game."""
        time.sleep(0.05)

    def close(self) -> None:
        """Closes all brokers."""
        for broker in self.brokers:
            broker.close()
        self.run_waiting()

    def run_soon(self, callback: Callable[[], object]) -> None:
        """Takes the place of `Hall.run_soon`."""
        self._calls.append(callback)
        self._called.set()

    def turn(self) -> None:
        """Takes the place of `Hall.poll`."""
        self._called.wait(0.02)
        self.run_waiting()

    def run_waiting(self) -> None:
        """Runs what waits for the game's thread, as a poll without waiting."""
        self._called.clear()
        while self._calls:
            self._calls.popleft()()

    def until(self, condition: Callable[[], object], timeout: float = LONG) -> None:
        """Takes turns until a condition is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.turn()

    def wait(self, answer: Answer[T]) -> T:
        """Takes turns until an answer is there."""
        self.until(lambda: answer.is_done)
        return answer.result()

    def settle(self, seconds: float = 0.2) -> None:
        """Takes turns for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.turn()

    def retry(self, make: Callable[[], Answer[T]]) -> T:
        """Calls a verb until the broker is there, and returns its result."""
        deadline = time.monotonic() + LONG
        while True:
            try:
                return self.wait(make())
            except Away:
                assert time.monotonic() < deadline, "tried in vain"
                self.settle(0.05)

    def problem(self, answer: Answer[Any]) -> BrokerError:
        """Returns the error that an answer has."""
        with pytest.raises(BrokerError) as caught:
            self.wait(answer)
        return caught.value


class BrokerContract:
    """The cases."""

    # -- entries ------------------------------------------------------------------------------------------------------

    def test_get_gives_none_for_an_entry_that_does_not_exist(self, lab: Lab) -> None:
        broker = lab.open()
        assert lab.wait(broker.get("r:K7Q2M3")) is None

    def test_all_read_what_one_has_created(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        value = {"worker": "a", "n": [1, 2.5, None, True, "ä", "日"], "deep": {"x": {}}}
        revision = lab.wait(a.create("r:K7Q2M3", value))
        for broker in (a, b):
            entry = lab.wait(broker.get("r:K7Q2M3"))
            assert entry == ("r:K7Q2M3", value, revision)
        assert revision > 0

    def test_create_conflicts_with_an_entry_that_exists(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        lab.wait(a.create("r:K7Q2M3", {"n": 1}))
        for broker in (a, b):
            assert isinstance(lab.problem(broker.create("r:K7Q2M3", {"n": 2})), Conflict)
        assert lab.wait(b.get("r:K7Q2M3")).value == {"n": 1}

    def test_update_writes_if_the_entry_has_the_revision(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        first = lab.wait(a.create("s:AB", {"n": 1}))
        second = lab.wait(b.update("s:AB", {"n": 2}, first))
        assert second > first
        assert lab.wait(a.get("s:AB")) == ("s:AB", {"n": 2}, second)

    def test_update_conflicts_with_an_older_or_unknown_revision(self, lab: Lab) -> None:
        broker = lab.open()
        first = lab.wait(broker.create("s:AB", {"n": 1}))
        second = lab.wait(broker.update("s:AB", {"n": 2}, first))
        for revision in (first, second + 1, second + 10**6, 0, -1):
            assert isinstance(lab.problem(broker.update("s:AB", {"n": 3}, revision)), Conflict)
        assert lab.wait(broker.get("s:AB")).value == {"n": 2}

    def test_update_conflicts_with_an_entry_that_does_not_exist(self, lab: Lab) -> None:
        broker = lab.open()
        other = lab.wait(broker.create("s:AB", {}))
        for revision in (0, 1, other):
            assert isinstance(lab.problem(broker.update("s:CD", {}, revision)), Conflict)
        assert lab.wait(broker.get("s:CD")) is None

    def test_delete_removes_an_entry_whether_it_exists_or_not(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        lab.wait(a.create("r:K7Q2M3", {}))
        assert lab.wait(b.delete("r:K7Q2M3")) is None
        assert lab.wait(a.get("r:K7Q2M3")) is None
        assert lab.wait(a.delete("r:K7Q2M3")) is None
        assert lab.wait(a.scan("r:")) == []

    def test_delete_with_a_revision_compares(self, lab: Lab) -> None:
        broker = lab.open()
        first = lab.wait(broker.create("r:K7Q2M3", {"n": 1}))
        second = lab.wait(broker.update("r:K7Q2M3", {"n": 2}, first))
        for revision in (first, second + 1, 0):
            assert isinstance(lab.problem(broker.delete("r:K7Q2M3", revision)), Conflict)
        assert lab.wait(broker.get("r:K7Q2M3")).revision == second
        lab.wait(broker.delete("r:K7Q2M3", second))
        assert lab.wait(broker.get("r:K7Q2M3")) is None
        assert isinstance(lab.problem(broker.delete("r:K7Q2M3", second)), Conflict)

    @pytest.mark.parametrize("word", ["r", "w", "save"])
    def test_revisions_grow_when_an_entry_is_deleted_and_created_again(self, lab: Lab, word: str) -> None:
        broker, key, last = lab.open(), f"{word}:X", 0
        for _ in range(5):
            revision = lab.wait(broker.create(key, {}))
            assert revision > last
            if last:
                assert isinstance(lab.problem(broker.update(key, {}, last)), Conflict)
                assert isinstance(lab.problem(broker.delete(key, last)), Conflict)
            lab.wait(broker.delete(key))
            last = revision

    def test_one_of_many_creates_wins(self, lab: Lab) -> None:
        brokers = [lab.open() for _ in range(3)]
        answers = [brokers[n % 3].create("s:AB", {"n": n}) for n in range(30)]
        lab.until(lambda: all(answer.is_done for answer in answers))
        assert self._winners(answers) == 1

    def test_one_of_many_updates_wins(self, lab: Lab) -> None:
        brokers = [lab.open() for _ in range(3)]
        revision = lab.wait(brokers[0].create("s:AB", {}))
        answers = [brokers[n % 3].update("s:AB", {"n": n}, revision) for n in range(30)]
        lab.until(lambda: all(answer.is_done for answer in answers))
        assert self._winners(answers) == 1

    def _winners(self, answers: list[Answer[int]]) -> int:
        won = 0
        for answer in answers:
            try:
                answer.result()
                won += 1
            except Conflict:
                pass
        return won

    @pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
    def test_a_key_is_any_text(self, lab: Lab, name: str) -> None:
        broker, key = lab.open(), f"p:{name}"
        revision = lab.wait(broker.create(key, {"room": "K7Q2M3"}))
        assert lab.wait(broker.get(key)) == (key, {"room": "K7Q2M3"}, revision)
        assert [entry.key for entry in lab.wait(broker.scan("p:"))] == [key]
        assert [entry.key for entry in lab.wait(broker.scan(key))] == [key]
        revision = lab.wait(broker.update(key, {"room": "AAAAAA"}, revision))
        lab.wait(broker.delete(key, revision))
        assert lab.wait(broker.scan("p:")) == []

    def test_all_these_keys_are_different(self, lab: Lab) -> None:
        broker = lab.open()
        for name in NAMES:
            lab.wait(broker.create(f"p:{name}", {"name": name}))
        found = {entry.key: entry.value["name"] for entry in lab.wait(broker.scan("p:"))}
        assert found == {f"p:{name}": name for name in NAMES}

    def test_a_key_or_subject_that_is_too_long_is_not_sent(self, lab: Lab) -> None:
        broker, name = lab.open(), "p:" + "🎮" * 300
        lab.wait(broker.get("r:none"))
        for answer in (
            broker.get(name),
            broker.create(name, {}),
            broker.update(name, {}, 1),
            broker.delete(name),
            broker.scan(name),
            broker.publish(name, {}),
            broker.request(name, {}),
        ):
            assert isinstance(lab.problem(answer), BadValue)
        with pytest.raises(BadValue):
            broker.subscribe(name, lambda message: None)
        lab.settle(0.1)
        assert broker.is_connected

    def test_scan_gives_the_entries_that_begin_with_the_prefix(self, lab: Lab) -> None:
        broker = lab.open()
        keys = ["s:AA", "s:AB", "s:B*", "s:B[", "r:AA", "w:s:A", "p:s:"]
        made = {key: lab.wait(broker.create(key, {"of": key})) for key in keys}
        for prefix in ("s:", "s:A", "s:B*", "s:B[", "r:", "w:", "x:", "s:AAA", "s", ""):
            found = lab.wait(broker.scan(prefix))
            assert {(entry.key, entry.revision) for entry in found} == {
                (key, made[key]) for key in keys if key.startswith(prefix)
            }
            assert all(entry.value == {"of": entry.key} for entry in found)

    def test_scan_gives_each_of_many_entries_once(self, lab: Lab) -> None:
        broker = lab.open()
        answers = [broker.create(f"r:{n}", {"n": n}) for n in range(1_300)]
        lab.until(lambda: all(answer.is_done for answer in answers))
        found = lab.wait(broker.scan("r:"))
        assert sorted(entry.value["n"] for entry in found) == list(range(1_300))

    def test_an_entry_is_as_it_was_at_the_call(self, lab: Lab) -> None:
        broker, value = lab.open(), {"list": [1]}
        answer = broker.create("r:X", value)
        value["list"].append(2)
        lab.wait(answer)
        entry = lab.wait(broker.get("r:X"))
        assert entry.value == {"list": [1]}
        entry.value["list"].append(3)
        assert lab.wait(broker.get("r:X")).value == {"list": [1]}

    def test_the_largest_value_survives(self, lab: Lab) -> None:
        broker = lab.open()
        value = {"data": "x" * (MOST_BYTES - len('{"data":""}'))}
        revision = lab.wait(broker.create("save:X", value))
        revision = lab.wait(broker.update("save:X", value, revision))
        assert lab.wait(broker.get("save:X")) == ("save:X", value, revision)
        assert [len(entry.value["data"]) for entry in lab.wait(broker.scan("save:"))] == [len(value["data"])]

    @pytest.mark.parametrize("value", [{"data": "x" * MOST_BYTES}, {"data": b"x"}, {"n": float("nan")}, [1]])
    def test_what_is_no_value_or_too_large_is_not_sent(self, lab: Lab, value: Any) -> None:
        broker = lab.open()
        heard: list[Message] = []
        broker.subscribe("dir", heard.append)
        revision = lab.wait(broker.create("r:X", {"n": 1}))
        for answer in (
            broker.create("r:Y", value),
            broker.update("r:X", value, revision),
            broker.publish("dir", value),
            broker.request("dir", value),
        ):
            assert isinstance(lab.problem(answer), BadValue)
        assert lab.wait(broker.get("r:X")).revision == revision
        assert lab.wait(broker.get("r:Y")) is None
        assert broker.is_connected
        lab.settle(0.1)
        assert heard == []

    def test_broken_entries_are_refused_and_logged(self, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
        broker = lab.open()
        lab.wait(broker.create("r:A", {"n": 1}))
        broken = [b"", b"{", b"[1]", b"\xff\xfe", b'{"a":' * 50_000, b'{"n":NaN}', b"{}" + b" " * MOST_BYTES]
        for number, data in enumerate(broken):
            lab.inject(f"r:bad{number}", data)
        with caplog.at_level(logging.WARNING):
            assert [entry.key for entry in lab.wait(broker.scan("r:"))] == ["r:A"]
        assert "r:bad0 is left out" in caplog.text
        for number in range(len(broken)):
            assert isinstance(lab.problem(broker.get(f"r:bad{number}")), BadValue)
            lab.wait(broker.delete(f"r:bad{number}"))
        lab.wait(broker.create("r:bad0", {"n": 2}))
        assert broker.is_connected

    # -- lifetimes ----------------------------------------------------------------------------------------------------

    def test_a_lease_ends_6_seconds_after_the_last_write(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        kept = lab.wait(a.create("w:kept", {"n": 0}))
        ended = lab.wait(a.create("w:ended", {}))
        shard = lab.wait(a.create("s:AB", {}))
        for n in range(1, 5):
            lab.advance(2.0)
            kept = lab.wait(a.update("w:kept", {"n": n}, kept))
        assert {entry.key for entry in lab.wait(b.scan("w:"))} == {"w:kept"}
        assert lab.wait(b.get("w:ended")) is None
        assert isinstance(lab.problem(a.update("w:ended", {}, ended)), Conflict)
        assert lab.wait(a.create("w:ended", {})) > ended
        assert lab.wait(b.get("s:AB")).revision == shard

    # -- messages -----------------------------------------------------------------------------------------------------

    def test_a_message_comes_to_all_who_listen(self, lab: Lab) -> None:
        a, b, c = lab.open(), lab.open(), lab.open()
        heard: list[tuple[str, str, Any]] = []
        for name, broker in (("a", a), ("b", b)):
            broker.subscribe("dir", lambda message, name=name: heard.append((name, message.subject, message.value)))
        a.subscribe("dir", lambda message: heard.append(("a2", message.subject, message.value)))
        c.subscribe("all", lambda message: heard.append(("c", message.subject, message.value)))
        self._reach(lab, [a, b, c])
        assert lab.wait(b.publish("dir", {"n": 1})) is None
        lab.until(lambda: len(heard) >= 3)
        lab.settle(0.1)
        assert sorted(heard) == [(name, "dir", {"n": 1}) for name in ("a", "a2", "b")]

    def _reach(self, lab: Lab, brokers: list[Broker]) -> None:
        """Waits until the subscriptions of all brokers are in force: a verb waits for those before it."""
        for broker in brokers:
            lab.wait(broker.get("r:none"))

    def test_messages_of_one_sender_keep_their_order(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        heard: list[int] = []
        b.subscribe("dir", lambda message: heard.append(message.value["n"]))
        self._reach(lab, [a, b])
        for n in range(300):
            a.publish("dir", {"n": n})
        lab.until(lambda: len(heard) == 300)
        assert heard == list(range(300))

    def test_a_subscription_is_in_force_for_a_message_that_follows(self, lab: Lab) -> None:
        broker = lab.open()
        heard: list[int] = []
        lab.wait(broker.get("r:none"))
        for n in range(20):
            broker.subscribe(f"kind.{n}", lambda message: heard.append(message.value["n"]))
            broker.publish(f"kind.{n}", {"n": n})
        lab.until(lambda: len(heard) == 20)

    def test_a_subscription_that_has_ended_hears_nothing(self, lab: Lab) -> None:
        broker = lab.open()
        heard: list[str] = []
        end_one = broker.subscribe("dir", lambda message: heard.append("one"))
        end_two = broker.subscribe("dir", lambda message: heard.append("two"))
        end_one()
        end_one()
        lab.wait(broker.publish("dir", {}))
        lab.until(lambda: heard == ["two"])
        end_two()
        lab.wait(broker.publish("dir", {}))
        lab.settle()
        assert heard == ["two"]
        broker.subscribe("dir", lambda message: heard.append("three"))
        lab.wait(broker.publish("dir", {}))
        lab.until(lambda: heard == ["two", "three"])

    @pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
    def test_a_subject_is_any_text(self, lab: Lab, name: str) -> None:
        broker = lab.open()
        heard: list[Message] = []
        broker.subscribe(f"w.{name}", lambda message: message.reply({"subject": message.subject}))
        broker.subscribe("w.other", heard.append)
        assert lab.wait(broker.request(f"w.{name}", {})) == {"subject": f"w.{name}"}
        assert heard == []

    def test_a_request_is_answered(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        b.subscribe("w.b", lambda message: message.reply({"got": message.value, "text": "ä"}))
        self._reach(lab, [a, b])
        answers = [a.request("w.b", {"n": n}) for n in range(100)]
        assert [lab.wait(answer) for answer in answers] == [{"got": {"n": n}, "text": "ä"} for n in range(100)]

    def test_a_request_may_be_answered_later_and_only_once(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        waiting: list[Message] = []
        b.subscribe("w.b", waiting.append)
        self._reach(lab, [b])
        answer = a.request("w.b", {})
        lab.until(lambda: waiting)
        lab.settle(0.1)
        assert not answer.is_done
        waiting[0].reply({"n": 1})
        waiting[0].reply({"n": 2})
        assert lab.wait(answer) == {"n": 1}

    def test_a_request_fails_at_once_if_nobody_listens(self, lab: Lab) -> None:
        broker = lab.open()
        lab.wait(broker.get("r:none"))
        began = time.monotonic()
        assert isinstance(lab.problem(broker.request("w.nobody", {}, 5.0)), NoAnswer)
        assert time.monotonic() - began < 4.0

    def test_a_request_fails_after_its_time_if_nobody_answers(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        b.subscribe("w.b", lambda message: None)
        self._reach(lab, [a, b])
        began = time.monotonic()
        answer = a.request("w.b", {}, 0.5)
        lab.settle(0.1)
        assert not answer.is_done
        lab.advance(0.5)
        assert isinstance(lab.problem(answer), NoAnswer)
        assert time.monotonic() - began < 4.0
        assert a.is_connected

    def test_an_answer_that_is_no_value_is_not_sent(self, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
        a, b = lab.open(), lab.open()
        b.subscribe("w.b", lambda message: message.reply({"data": "x" * MOST_BYTES}))
        self._reach(lab, [a, b])
        answer = a.request("w.b", {}, 0.3)
        lab.settle(0.1)
        lab.advance(0.3)
        assert isinstance(lab.problem(answer), NoAnswer)
        assert "an answer was not sent" in caplog.text

    def test_the_answer_to_a_published_message_goes_nowhere(self, lab: Lab) -> None:
        broker = lab.open()
        heard: list[Message] = []
        broker.subscribe("dir", heard.append)
        lab.wait(broker.publish("dir", {}))
        lab.until(lambda: heard)
        heard[0].reply({"n": 1})
        lab.settle(0.1)
        assert broker.is_connected

    def test_a_handler_that_raises_is_logged_and_harms_nobody(self, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
        broker = lab.open()
        heard: list[Message] = []

        def fail(message: Message) -> None:
            raise RuntimeError("a mistake of the game")

        broker.subscribe("dir", fail)
        broker.subscribe("dir", heard.append)
        lab.wait(broker.publish("dir", {}))
        lab.until(lambda: heard)
        assert "a mistake of the game" in caplog.text

    # -- threads ------------------------------------------------------------------------------------------------------

    def test_all_that_the_game_hears_comes_in_its_thread_and_while_it_polls(self, lab: Lab) -> None:
        broker = lab.open()
        threads: set[int] = set()
        note = lambda *_: threads.add(threading.get_ident())  # noqa: E731
        broker.on_change = note
        broker.subscribe("dir", note)
        answers = [broker.get("r:X"), broker.publish("dir", {}), broker.request("none", {}), broker.scan("r:")]
        for answer in answers:
            answer.then(note)
        time.sleep(0.3)
        assert threads == set()
        lab.until(lambda: all(answer.is_done for answer in answers))
        lab.settle(0.1)
        assert threads == {threading.get_ident()}

    def test_verbs_may_be_called_where_answers_and_messages_come(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        done: list[Any] = []

        async def serve(message: Message) -> None:
            revision = await b.create(f"r:{message.value['code']}", {"worker": "b"})
            entry = await b.get(f"r:{message.value['code']}")
            assert entry is not None
            message.reply({"revision": revision, "worker": entry.value["worker"]})

        b.subscribe("w.b", lambda message: run(serve(message)))

        async def ask() -> None:
            for code in ("A", "B"):
                answer = await a.request("w.b", {"code": code})
                done.append(answer["worker"])

        self._reach(lab, [a, b])
        lab.wait(run(ask()))
        assert done == ["b", "b"]

    # -- away ---------------------------------------------------------------------------------------------------------

    def test_a_broker_that_was_away_is_back_with_the_subscriptions(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        changes: list[bool] = []
        heard: list[int] = []
        self._reach(lab, [a, b])
        assert a.is_connected
        a.on_change = lambda: changes.append(a.is_connected)
        a.subscribe("dir", lambda message: heard.append(message.value["n"]))
        a.subscribe("w.a", lambda message: message.reply({"n": 1}))
        self._reach(lab, [a])
        lab.stop()
        lab.until(lambda: changes == [False] and not b.is_connected)
        end = a.subscribe("all", lambda message: heard.append(-message.value["n"]))
        a.subscribe("kind.x", lambda message: heard.append(0))()
        self._expect_away(lab, a)
        lab.start()
        lab.until(lambda: a.is_connected and b.is_connected)
        assert changes == [False, True]
        assert lab.wait(b.request("w.a", {})) == {"n": 1}
        lab.wait(b.publish("dir", {"n": 5}))
        lab.wait(b.publish("all", {"n": 6}))
        lab.wait(b.publish("kind.x", {}))
        lab.until(lambda: len(heard) >= 2)
        lab.settle(0.1)
        assert heard == [5, -6]
        end()
        lab.wait(a.create("r:new", {}))

    def _expect_away(self, lab: Lab, broker: Broker) -> None:
        for make in (
            lambda: broker.get("r:X"),
            lambda: broker.create("r:X", {}),
            lambda: broker.update("r:X", {}, 1),
            lambda: broker.delete("r:X"),
            lambda: broker.scan("r:"),
            lambda: broker.publish("dir", {}),
            lambda: broker.request("w.a", {}),
        ):
            began = time.monotonic()
            assert isinstance(lab.problem(make()), Away)
            assert time.monotonic() - began < 2.2

    def test_calls_under_way_fail_when_the_broker_goes(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        b.subscribe("w.b", lambda message: None)
        self._reach(lab, [a, b])
        answer = a.request("w.b", {}, 60.0)
        lab.settle(0.1)
        lab.stop()
        began = time.monotonic()
        assert isinstance(lab.problem(answer), Away)
        assert time.monotonic() - began < 4.0
        lab.start()
        lab.until(lambda: a.is_connected)

    def test_revisions_do_not_repeat_after_a_restart_with_an_empty_broker(self, lab: Lab) -> None:
        broker = lab.open()
        before = {}
        for word in ("s", "w", "save"):
            before[word] = lab.wait(broker.create(f"{word}:X", {}))
            for _ in range(20):
                before[word] = lab.wait(broker.update(f"{word}:X", {}, before[word]))
        lab.stop()
        lab.until(lambda: not broker.is_connected)
        lab.start(empty=True)
        lab.until(lambda: broker.is_connected)
        for word, revision in before.items():
            assert lab.wait(broker.get(f"{word}:X")) is None
            assert lab.wait(broker.create(f"{word}:X", {})) > revision
            assert isinstance(lab.problem(broker.update(f"{word}:X", {}, revision)), Conflict)
            assert isinstance(lab.problem(broker.delete(f"{word}:X", revision)), Conflict)

    # -- the end ------------------------------------------------------------------------------------------------------

    def test_close_ends_all(self, lab: Lab) -> None:
        a, b = lab.open(), lab.open()
        heard: list[Message] = []
        a.subscribe("dir", heard.append)
        b.subscribe("w.b", lambda message: None)
        self._reach(lab, [a, b])
        waiting = [a.get("r:X"), a.request("w.b", {}, 60.0)]
        began = time.monotonic()
        a.close()
        a.close()
        assert time.monotonic() - began < 2.0
        for answer in (*waiting, a.get("r:X"), a.create("r:X", {}), a.publish("dir", {}), a.request("w.b", {})):
            assert isinstance(lab.problem(answer), Away)
        assert not a.is_connected
        lab.wait(b.publish("dir", {}))
        lab.settle(0.1)
        assert heard == []
        a.subscribe("dir", heard.append)()
        assert lab.wait(b.get("r:X")) is None
        assert not any(thread.name == "gdpeer-broker" for thread in _threads_of(a))


class ThreadContract(BrokerContract):
    """The cases of a broker whose client has a thread of its own."""

    def test_too_many_messages_are_dropped_with_one_line_of_log(
        self, lab: Lab, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = lab.open(), lab.open()
        heard: list[int] = []

        def serve(message: Message) -> None:
            heard.append(message.value["n"])
            message.reply({})

        b.subscribe("w.b", serve)
        self._reach(lab, [a, b])
        requests = [a.request("w.b", {"n": n}, 1.5) for n in range(1_500)]
        deadline = time.monotonic() + LONG
        while b.dropped < 1_500 - 1_024 and time.monotonic() < deadline:
            lab.serve()
        assert b.dropped == 1_500 - 1_024
        lab.until(lambda: all(answer.is_done for answer in requests))
        assert len(heard) == 1_024
        assert caplog.text.count("messages are dropped") == 1
        lost = [answer for answer in requests if isinstance(_error(answer), NoAnswer)]
        assert len(lost) >= 1_500 - 1_024
        assert lab.wait(a.request("w.b", {"n": -1})) == {}


class ServerContract(ThreadContract):
    """The cases of a broker that is a server, which a test can stop."""

    def test_broken_messages_are_dropped_and_logged(self, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
        broker = lab.open()
        heard: list[Message] = []
        broker.subscribe("dir", heard.append)
        self._reach(lab, [broker])
        for data in (b"", b"{", b"[1]", b"\xff\n", b"\n", b'{"a":' * 50_000, b'{"n":NaN}', b"{}" + b" " * MOST_BYTES):
            lab.inject_message("dir", data)
        lab.wait(broker.publish("dir", {"n": 1}))
        lab.until(lambda: heard)
        assert [message.value for message in heard] == [{"n": 1}]
        assert "a message to dir was dropped" in caplog.text
        assert broker.is_connected

    def test_the_thread_of_the_game_is_never_held_up(self, lab: Any) -> None:
        a, b = lab.open(), lab.open()
        a.subscribe("dir", lambda message: None)
        self._reach(lab, [a, b])
        lab.server.freeze()
        answers: list[Answer[Any]] = []
        published: list[Answer[None]] = []
        times: list[float] = []
        deadline = time.monotonic() + 3.5
        value = {"data": "x" * 10_000}
        while time.monotonic() < deadline:
            began = time.perf_counter()
            answers += [a.get("r:X"), a.create("r:X", value), a.request("w.b", {}, 1.0)]
            published.append(a.publish("dir", value))  # NATS takes it without an answer of the server
            a.subscribe(f"kind.{len(answers)}", lambda message: None)
            lab.run_waiting()
            times.append(time.perf_counter() - began)
            time.sleep(0.01)
        assert not a.is_connected
        assert not b.is_connected
        times.sort()
        assert times[len(times) // 2] < 0.005
        assert times[len(times) * 95 // 100] < 0.1
        lab.until(lambda: all(answer.is_done for answer in (*answers, *published)), 2.2)
        others = [error for answer in answers if not isinstance(error := _error(answer), Away | NoAnswer)]
        assert others == [], others
        lab.server.thaw()
        lab.until(lambda: a.is_connected and b.is_connected)
        lab.wait(a.create("r:Y", {}))
        assert lab.wait(b.get("r:Y")) is not None

    def test_close_does_not_wait_for_a_server_that_hangs(self, lab: Any) -> None:
        broker = lab.open()
        self._reach(lab, [broker])
        lab.server.freeze()
        answer = broker.create("r:X", {"data": "x" * 1_000_000})
        time.sleep(0.1)
        began = time.monotonic()
        broker.close()
        assert time.monotonic() - began < 2.0
        assert isinstance(lab.problem(answer), Away)
        assert _threads_of(broker) == []
        lab.server.thaw()

    def test_namespaces_see_nothing_of_each_other(self, lab: Any) -> None:
        a, b = lab.open(), lab.open("other")
        heard: list[Message] = []
        b.subscribe("dir", heard.append)
        self._reach(lab, [a, b])
        lab.wait(a.create("r:X", {"n": 1}))
        lab.wait(b.create("r:X", {"n": 2}))
        lab.wait(a.publish("dir", {}))
        lab.settle()
        assert lab.wait(a.get("r:X")).value == {"n": 1}
        assert [entry.value for entry in lab.wait(b.scan(""))] == [{"n": 2}]
        assert heard == []

    def test_a_broker_that_is_not_there_at_the_start_is_waited_for(
        self, lab: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        lab.server.kill()
        broker = lab.open_url(lab.server.url)
        began = time.monotonic()
        assert isinstance(lab.problem(broker.get("r:X")), Away)
        assert time.monotonic() - began < 2.2
        lab.settle(1.0)
        assert caplog.text.count("cannot be used") == 1
        lab.server.start()
        lab.until(lambda: broker.is_connected)
        assert lab.wait(broker.get("r:X")) is None


def _error(answer: Answer[Any]) -> BaseException | None:
    try:
        answer.result()
    except BrokerError as problem:
        return problem
    return None


def _threads_of(broker: Any) -> list[threading.Thread]:
    thread = getattr(broker, "_thread", None)
    return [thread] if thread is not None and thread.is_alive() else []
