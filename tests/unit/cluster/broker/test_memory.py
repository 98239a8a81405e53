"""`MemoryBroker`: how a test stops between the steps of a verb, and what only the form in memory has."""

from __future__ import annotations

import queue
from collections.abc import Callable

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.broker.base import Away, Message, NoAnswer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


def test_a_verb_takes_effect_in_one_step_and_is_answered_in_the_next(store: MemoryStore) -> None:
    a, b = MemoryBroker(store), MemoryBroker(store)
    made, seen = a.create("r:A", {"x": 1}), b.get("r:A")
    store.run(1)
    assert not made.is_done
    store.run(1)
    assert not seen.is_done
    store.run()
    assert store.is_quiet
    entry = seen.result()
    assert entry is not None
    assert entry.revision == made.result()


def test_a_broker_that_is_cut_off_between_the_steps_does_not_know_that_its_verb_took_effect(store: MemoryStore) -> None:
    a, b = MemoryBroker(store), MemoryBroker(store)
    made = a.create("r:A", {"x": 1})
    store.run(1)
    a.cut()
    seen = b.get("r:A")
    store.run()
    with pytest.raises(Away):
        made.result()
    assert seen.result() is not None


def test_a_broker_that_is_cut_off_hears_nothing_until_it_joins_again(store: MemoryStore) -> None:
    a, b = MemoryBroker(store), MemoryBroker(store)
    heard: list[Message] = []
    changes: list[bool] = []
    b.subscribe("dir", heard.append)
    b.on_change = lambda: changes.append(b.is_connected)
    b.cut()
    b.cut()
    a.publish("dir", {"n": 1})
    store.run()
    b.join()
    a.publish("dir", {"n": 2})
    store.run()
    assert [message.value for message in heard] == [{"n": 2}]
    assert changes == [False, True]


def test_the_store_of_a_real_hall_runs_itself_once_for_many_verbs() -> None:
    calls: list[object] = []
    store = MemoryStore(run_soon=calls.append)
    broker = MemoryBroker(store)
    answers = [broker.publish("dir", {"n": n}) for n in range(3)]
    assert len(calls) == 1
    store.run()
    assert all(answer.is_done for answer in answers)
    broker.get("r:A")
    assert len(calls) == 2


def test_the_next_deadline_is_that_of_the_oldest_request(store: MemoryStore) -> None:
    broker = MemoryBroker(store)
    broker.subscribe("w.a", lambda message: None)
    assert store.next_deadline() is None
    broker.request("w.a", {}, 2.0)
    broker.request("w.a", {}, 1.0)
    store.run()
    assert store.next_deadline() == 1.0


def test_a_request_ends_in_time_when_a_real_hall_runs_the_store() -> None:
    calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
    broker = MemoryBroker(MemoryStore(run_soon=calls.put))
    broker.subscribe("w.a", lambda message: None)
    answers = [broker.request("w.a", {}, seconds) for seconds in (0.05, 0.2)]
    while not all(answer.is_done for answer in answers):
        calls.get(timeout=10.0)()
    for answer in answers:
        with pytest.raises(NoAnswer):
            answer.result()


def test_entries_that_have_ended_are_forgotten_though_nobody_reads_them() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    for number in range(3_000):
        store.write(f"w:{number}", b"{}")
        clock.advance(0.01)
    assert len(store._rows) <= 1_700
    assert len(store.rows("w:")) == 599
