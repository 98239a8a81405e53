"""Deferred calls and timers; `tests/interop/test_tree.py` compares their order with that of the engine."""

from __future__ import annotations

import math
import time

import pytest

from gdpeer import ManualClock, Node, SceneMultiplayer, SceneTree, idle


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[object] = []

    def hear(self, what: object) -> None:
        self.heard.append(what)

    def hear_twice(self, what: object) -> None:
        self.hear(what)
        self.call_deferred("hear", f"{what} again")

    def fail(self) -> None:
        raise ValueError("failed on purpose")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def main(clock: ManualClock) -> Main:
    main = Main()
    SceneTree(SceneMultiplayer(clock=clock)).root.add_child(main)
    return main


def test_deferred_calls_run_at_the_end_of_the_poll_in_their_order(main: Main) -> None:
    tree = main.get_tree()
    main.call_deferred("hear_twice", 1)
    tree.call_deferred(main.hear, 2)
    assert main.heard == []
    tree.poll()
    assert main.heard == [1, 2, "1 again"]
    tree.poll()
    assert len(main.heard) == 3


def test_an_exception_of_a_deferred_call_is_logged_and_the_others_run(
    main: Main, caplog: pytest.LogCaptureFixture
) -> None:
    main.call_deferred("fail")
    main.call_deferred("hear", 1)
    main.get_tree().poll()
    assert main.heard == [1]
    assert "Main.fail, which was called by call_deferred, raised" in caplog.text
    assert "failed on purpose" in caplog.text


def test_mistakes_at_the_door(main: Main) -> None:
    with pytest.raises(AttributeError, match="'Main' object has no attribute 'haer'"):
        main.call_deferred("haer", 1)
    with pytest.raises(ValueError, match="is not in a tree"):
        Main().call_deferred("hear", 1)
    with pytest.raises(TypeError, match=r"call_deferred\(\) argument .function.: expected something to call"):
        main.get_tree().call_deferred("hear")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"create_timer\(\) argument .time_sec."):
        main.get_tree().create_timer("1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a number"):
        main.get_tree().create_timer(math.nan)
    main.get_tree().poll()


def test_a_call_that_defers_itself_does_not_stop_the_server(
    main: Main, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def again() -> None:
        main.hear(0)
        main.get_tree().call_deferred(again)

    monkeypatch.setattr(idle, "MOST_CALLS", 10)
    again()
    main.get_tree().poll()
    assert len(main.heard) == 11
    assert "10 deferred calls in one poll" in caplog.text
    main.get_tree().poll()
    assert len(main.heard) == 21


def test_a_timer_ends_once_when_its_time_is_over(main: Main, clock: ManualClock) -> None:
    tree = main.get_tree()
    timer = tree.create_timer(2)
    timer.timeout.connect(lambda: main.hear(timer.time_left))
    clock.advance(1.5)
    tree.poll()
    assert (main.heard, timer.time_left) == ([], 0.5)
    assert repr(timer) == "<SceneTreeTimer, 0.5 s left>"
    clock.advance(1)
    tree.poll()
    tree.poll()
    assert main.heard == [0.0]


def test_timers_of_one_poll_end_in_the_order_in_which_they_were_made(main: Main, clock: ManualClock) -> None:
    tree = main.get_tree()
    for seconds in (0.2, 0.1, 0, -1):
        tree.create_timer(seconds).timeout.connect(lambda seconds=seconds: main.hear(seconds))
    clock.advance(1)
    tree.poll()
    assert main.heard == [0.2, 0.1, 0, -1]


def test_a_timer_of_a_timeout_waits_for_the_next_poll_and_a_deferred_call_does_not(main: Main) -> None:
    tree = main.get_tree()

    @tree.create_timer(0).timeout.connect
    def over() -> None:
        tree.create_timer(0).timeout.connect(lambda: main.hear("next"))
        main.call_deferred("hear", "same")

    tree.poll()
    assert main.heard == ["same"]
    tree.poll()
    assert main.heard == ["same", "next"]


def test_the_time_of_a_timer_can_be_changed(main: Main, clock: ManualClock) -> None:
    tree = main.get_tree()
    shorter, longer = tree.create_timer(10), tree.create_timer(1)
    shorter.timeout.connect(lambda: main.hear("shorter"))
    longer.timeout.connect(lambda: main.hear("longer"))
    shorter.time_left, longer.time_left = 2, 5
    with pytest.raises(ValueError, match="not a number"):
        longer.time_left = math.nan
    clock.advance(3)
    tree.poll()
    assert main.heard == ["shorter"]
    shorter.time_left = 1  # has no effect: the timer is over
    clock.advance(3)
    tree.poll()
    assert main.heard == ["shorter", "longer"]
    clock.advance(10)
    tree.poll()
    assert len(main.heard) == 2


def test_nodes_of_queue_free_leave_after_the_deferred_calls(main: Main) -> None:
    tree, child = main.get_tree(), Node("Child")
    main.add_child(child)
    child.queue_free()
    tree.call_deferred(lambda: main.hear(child.is_inside_tree()))
    tree.create_timer(0).timeout.connect(lambda: main.hear(child.is_inside_tree()))
    tree.poll()
    assert main.heard == [True, False]


def test_a_poll_waits_no_longer_than_until_a_timer_ends() -> None:
    tree, ends = SceneTree(), []
    assert tree.time_left(9.0) == 9.0
    tree.create_timer(0.05).timeout.connect(lambda: ends.append(time.monotonic()))
    assert 0 < tree.time_left(9.0) <= 0.05
    begin = time.monotonic()
    while not ends:
        tree.poll(timeout=20)
    assert 0.05 <= ends[0] - begin < 10
    tree.call_deferred(ends.clear)
    assert tree.time_left(9.0) == 0.0
    tree.poll(timeout=20)
    assert ends == []


def test_who_polls_at_news_only_is_told_once(main: Main, clock: ManualClock) -> None:
    tree, news = main.get_tree(), list[str]()
    tree.on_news = lambda: news.append("news")
    tree.create_timer(1)
    main.call_deferred("call_deferred", "hear", 1)
    assert news == ["news"]
    tree.poll()
    assert (news, main.heard) == (["news"], [1])
    tree.create_timer(2).time_left = 3
    assert news == ["news", "news"]


def test_an_async_method_outside_of_asyncio_says_what_to_do(main: Main, caplog: pytest.LogCaptureFixture) -> None:
    async def later() -> None: ...

    main.get_tree().call_deferred(later)
    main.get_tree().poll()
    assert "later is an async method, and this tree does not run in asyncio" in caplog.text
