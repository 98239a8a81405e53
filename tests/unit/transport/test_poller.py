"""The poller's promises, on each backend."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from gdpeer.clock import ManualClock
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.readiness import SelectorsBackend
from gdpeer.transport.stream import READ, WRITE
from tests.support.growth import grows_below


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def elapsed(since: float) -> float:
    return time.monotonic() - since


class Timed:
    """Counts the system's waits."""

    def __init__(self, poller: Poller) -> None:
        self.waits: list[float] = []
        inner = poller._wait

        def wait(seconds: float) -> list[tuple[int, int]]:
            self.waits.append(seconds)
            return inner(seconds)

        poller._wait = wait
        poller._epoll = -1  # compiled, it would not ask for a list


def test_linux_uses_epoll_itself_and_others_selectors(monkeypatch: pytest.MonkeyPatch) -> None:
    with Poller() as poller:
        assert isinstance(poller._wait.__self__, select.epoll)  # type: ignore[attr-defined]
    monkeypatch.delattr(select, "epoll")
    with Poller() as poller:
        assert isinstance(poller._backend, SelectorsBackend)


def test_readable_descriptor_is_reported_until_it_is_read(
    poller: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    calls: list[int] = []
    Watch(pair[0].fileno()).attach(poller, calls.append)
    poller.turn()
    assert calls == []
    pair[1].send(b"x")
    poller.turn(-1)
    poller.turn(5.0)
    assert calls == [READ, READ]
    pair[0].recv(1)
    poller.turn()
    assert calls == [READ, READ]


def test_writable_only_when_asked_for(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    calls: list[int] = []
    watch = Watch(pair[0].fileno(), read=False, write=True)
    watch.attach(poller, calls.append)
    poller.turn(1.0)
    assert calls == [WRITE]
    watch.want(read=True, write=True)
    pair[1].send(b"x")
    poller.turn(1.0)
    assert calls == [WRITE, READ | WRITE]
    watch.want(read=True, write=False)
    poller.turn(1.0)
    assert calls[2:] == [READ]


def test_nothing_wanted_reports_nothing_not_even_a_hang_up(
    poller: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    calls: list[int] = []
    watch = Watch(pair[0].fileno(), read=False)
    watch.attach(poller, calls.append)
    pair[1].close()
    poller.turn()
    assert calls == []
    watch.want(read=True, write=False)
    poller.turn(1.0)
    assert len(calls) == 1
    watch.want(read=False, write=False)
    poller.turn()
    assert len(calls) == 1
    watch.detach()


def test_error_counts_as_both_with_epoll() -> None:
    with Poller() as poller, socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[int] = []
        ours = socket.create_connection(server.getsockname())
        theirs = server.accept()[0]
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        Watch(ours.fileno()).attach(poller, calls.append)
        theirs.close()
        poller.turn(5.0)
        assert calls == [READ | WRITE]
        ours.close()


def test_registering_twice_is_refused(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    number = pair[0].fileno()
    Watch(number).attach(poller, print)
    with pytest.raises(ValueError, match="registered already"):
        Watch(number).attach(poller, print)
    poller.unregister(number)
    poller.unregister(number)


class Recording(SelectorsBackend):
    """Counts what the system is told."""

    changes = 0

    def change(self, descriptor: int, old: int, new: int) -> None:
        self.changes += 1
        super().change(descriptor, old, new)


def test_wanting_the_same_tells_the_system_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    backend = Recording()
    with Poller(backend=backend) as poller:
        watch = Watch(pair[0].fileno())
        watch.attach(poller, print)
        watch.want(read=True, write=False)
        assert backend.changes == 1
        watch.want(read=True, write=True)
        assert backend.changes == 2


def test_unregister_after_close_is_forgiven(poller: Poller) -> None:
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    Watch(number).attach(poller, print)
    ours.close()
    theirs.close()
    poller.unregister(number)
    assert number not in poller._watches


def test_unregistered_in_the_same_turn_is_not_called(poller: Poller) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    called: list[int] = []

    def ready(number: int, _: int) -> None:
        called.append(number)
        for ours, _ in pairs:
            if ours.fileno() != number:
                poller.unregister(ours.fileno())

    for ours, theirs in pairs:
        Watch(ours.fileno()).attach(poller, partial(ready, ours.fileno()))
        theirs.send(b"x")
    poller.turn(1.0)
    assert len(called) == 1
    for ends in pairs:
        for end in ends:
            end.close()


def test_number_given_out_anew_in_the_same_turn_is_not_called(poller: Poller) -> None:
    pairs = [socket.socketpair(), socket.socketpair()]
    numbers = [ours.fileno() for ours, _ in pairs]
    new_calls: list[int] = []
    called: list[int] = []
    fresh = socket.socketpair()

    def ready(index: int) -> None:
        called.append(index)
        other = 1 - index
        poller.unregister(numbers[other])
        os.dup2(fresh[0].fileno(), numbers[other])  # what a closed and newly opened socket amounts to
        Watch(numbers[other]).attach(poller, new_calls.append)

    for index, (ours, theirs) in enumerate(pairs):
        Watch(ours.fileno()).attach(poller, lambda _, index=index: ready(index))
        theirs.send(b"x")
    poller.turn(1.0)
    assert len(called) == 1
    assert new_calls == []
    fresh[1].send(b"y")
    poller.unregister(numbers[called[0]])
    poller.turn(1.0)
    assert new_calls == [READ]
    for end in (*pairs[0], *pairs[1], *fresh):
        end.close()


def test_descriptor_registered_by_a_callback_is_served_in_the_next_turn(poller: Poller) -> None:
    first, second = socket.socketpair(), socket.socketpair()
    calls: list[int] = []
    second[1].send(b"y")
    first[1].send(b"x")

    def ready(_: int) -> None:
        poller.unregister(first[0].fileno())
        Watch(second[0].fileno()).attach(poller, calls.append)

    Watch(first[0].fileno()).attach(poller, ready)
    poller.turn(1.0)
    poller.turn(1.0)
    assert calls == [READ]
    for end in (*first, *second):
        end.close()


def test_exception_of_a_callback_loses_nothing(poller: Poller) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def ready(number: int, ours: socket.socket) -> None:
        ours.recv(1)
        called.append(number)
        if len(called) == 1:
            raise RuntimeError("the first one fails")

    for number, (ours, theirs) in enumerate(pairs):
        Watch(ours.fileno()).attach(poller, lambda _, number=number, ours=ours: ready(number, ours))
        theirs.send(b"x")
    poller.soon(lambda: called.append(10))
    poller.call_at(0.0, lambda: called.append(20))
    with pytest.raises(RuntimeError):
        poller.turn(1.0)
    poller.turn(1.0)
    assert sorted(called[:2]) == [0, 1]
    assert called[2:] == [10, 20]
    for ends in pairs:
        for end in ends:
            end.close()


def test_soon_and_timers_that_follow_an_exception_stay_queued(poller: Poller) -> None:
    called: list[str] = []

    def fail() -> None:
        raise RuntimeError

    poller.soon(fail)
    poller.soon(lambda: called.append("soon"))
    poller.call_at(1.0, fail)
    poller.call_at(2.0, lambda: called.append("timer"))
    with pytest.raises(RuntimeError):
        poller.turn()
    with pytest.raises(RuntimeError):
        poller.turn(5.0)
    assert called == ["soon"]
    start = time.monotonic()
    poller.turn(45.0)
    assert called == ["soon", "timer"]
    assert elapsed(start) < 30.0


def test_soon_does_not_wait_and_what_it_adds_is_for_the_next_turn(poller: Poller) -> None:
    called: list[int] = []

    def again() -> None:
        called.append(1)
        poller.soon(again)

    poller.soon(again)
    start = time.monotonic()
    poller.turn(45.0)
    assert called == [1]
    poller.turn(-1)
    assert called == [1, 1]
    assert elapsed(start) < 30.0


def test_order_is_descriptors_then_soon_then_timers(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    order: list[str] = []
    poller.call_at(0.0, lambda: order.append("timer"))
    poller.soon(lambda: order.append("soon"))
    Watch(pair[0].fileno()).attach(
        poller, lambda _: (order.append("ready"), poller.soon(lambda: order.append("later")))
    )
    pair[1].send(b"x")
    poller.turn()
    assert order == ["ready", "soon", "timer"]


def test_turn_ends_at_the_deadline_without_spinning(poller: Poller) -> None:
    timed = Timed(poller)
    called: list[float] = []
    when = time.monotonic() + 0.0253
    poller.call_at(when, lambda: called.append(time.monotonic()))
    turns = 0
    while not called:
        poller.turn(30.0)
        turns += 1
    assert called[0] >= when
    assert turns <= 2
    assert timed.waits[0] < 1.0


def test_timeout_is_kept_when_nothing_happens(poller: Poller) -> None:
    start = time.monotonic()
    poller.call_at(start + 60.0, print)
    poller.turn(0.02)
    assert 0.02 <= elapsed(start) < 30.0


def test_far_deadline_does_not_overflow(poller: Poller) -> None:
    poller.call_at(float("inf"), print)
    threading.Timer(0.02, poller.wake).start()
    poller.turn(-1)
    poller.soon(print)
    poller.turn(1e12)


def test_timers_run_in_the_order_of_their_times(manual_poller: Poller, clock: ManualClock) -> None:
    called: list[str] = []
    manual_poller.call_at(103.0, lambda: called.append("c"))
    manual_poller.call_at(101.0, lambda: called.append("a"))
    manual_poller.call_at(101.0, lambda: called.append("b"))
    manual_poller.turn()
    assert called == []
    clock.advance(1.0)
    manual_poller.turn()
    assert called == ["a", "b"]
    clock.advance(10.0)
    manual_poller.turn()
    assert called == ["a", "b", "c"]


def test_timer_that_restarts_itself_at_once_does_not_hold_up_the_turn(manual_poller: Poller) -> None:
    called: list[int] = []

    def again() -> None:
        called.append(1)
        manual_poller.call_at(0.0, again)

    again()
    manual_poller.turn()
    manual_poller.turn()
    assert len(called) == 3


def test_cancelled_timer_does_not_run(manual_poller: Poller, clock: ManualClock) -> None:
    called: list[str] = []
    first = manual_poller.call_at(101.0, lambda: (called.append("first"), second.cancel()))
    second = manual_poller.call_at(101.0, lambda: called.append("second"))
    third = manual_poller.call_at(101.0, lambda: called.append("third"))
    third.cancel()
    third.cancel()
    assert [timer.active for timer in (first, second, third)] == [True, True, False]
    clock.advance(1.0)
    manual_poller.turn()
    assert called == ["first"]
    first.cancel()
    assert not first.active
    assert manual_poller._cancelled == 0


def test_cancelled_timer_does_not_end_the_wait(poller: Poller) -> None:
    timed = Timed(poller)
    poller.call_at(0.0, print).cancel()
    poller.turn(0.01)
    assert timed.waits == [0.01]


def test_timers_run_in_the_order_of_their_moments_and_then_of_their_making(manual_poller: Poller) -> None:
    ran: list[str] = []
    now = manual_poller.clock.now()
    for when, names in ((2.0, "fgh"), (1.0, "abc"), (2.0, "ijk"), (1.0, "de")):
        for name in names:
            manual_poller.call_at(now + when, partial(ran.append, name))
    assert isinstance(manual_poller.clock, ManualClock)
    manual_poller.clock.advance(3.0)
    manual_poller.turn()
    assert "".join(ran) == "abcdefghijk"


def test_cancelled_timers_do_not_pile_up(manual_poller: Poller) -> None:
    kept = [manual_poller.call_at(1000.0 + n, print) for n in range(10)]
    for n in range(10_000):
        manual_poller.call_at(2000.0 + n, print).cancel()
    assert len(manual_poller._heap) < 300
    assert all(timer.active for timer in kept)
    assert set(manual_poller._heap) >= set(kept)


def test_wake_ends_a_wait_from_another_thread(poller: Poller) -> None:
    for _ in range(3):
        start = time.monotonic()
        thread = threading.Timer(0.02, poller.wake)
        thread.start()
        poller.turn(-1)
        thread.join()
        assert elapsed(start) < 30.0


def test_wake_before_the_wait_ends_it_once(poller: Poller) -> None:
    poller.wake()
    poller.wake()
    start = time.monotonic()
    poller.turn(45.0)
    assert elapsed(start) < 30.0
    poller.turn(0.02)
    assert elapsed(start) >= 0.02
    poller.wake()
    poller.turn(45.0)
    assert elapsed(start) < 30.0


def test_wake_in_a_callback_is_for_the_next_turn(poller: Poller) -> None:
    poller.turn(0.001)
    poller.soon(poller.wake)
    poller.turn(45.0)
    start = time.monotonic()
    poller.turn(45.0)
    assert elapsed(start) < 30.0


def test_poller_that_never_waits_opens_no_waker(poller: Poller) -> None:
    poller.wake()
    poller.turn()
    poller.turn(0)
    assert poller._waker is None


def test_many_wakes_from_many_threads(poller: Poller) -> None:
    poller.turn(0.001)
    threads = [threading.Thread(target=lambda: [poller.wake() for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    poller.turn(30.0)
    start = time.monotonic()
    poller.turn(0.01)
    assert elapsed(start) >= 0.01


def test_signal_does_not_cut_the_wait_short(poller: Poller) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        start = time.monotonic()
        poller.turn(0.05)
        assert elapsed(start) >= 0.05
        assert seen == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_wake_from_a_signal_handler(poller: Poller) -> None:
    before = signal.signal(signal.SIGALRM, lambda number, frame: poller.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        start = time.monotonic()
        poller.turn(-1)
        assert elapsed(start) < 30.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_turn_within_a_turn(poller: Poller) -> None:
    called: list[str] = []
    poller.soon(lambda: (called.append("outer"), poller.turn()))
    poller.soon(lambda: called.append("inner"))
    poller.call_at(0.0, lambda: (called.append("timer"), poller.turn()))
    poller.call_at(0.5, lambda: called.append("second timer"))
    poller.turn()
    assert called == ["outer", "inner", "timer", "second timer"]


def test_close_calls_nothing_and_can_be_repeated(pair: tuple[socket.socket, socket.socket]) -> None:
    poller = Poller()
    poller.turn(0.001)
    Watch(pair[0].fileno()).attach(poller, lambda _: pytest.fail("called"))
    poller.soon(lambda: pytest.fail("called"))
    poller.call_at(0.0, lambda: pytest.fail("called"))
    pair[1].send(b"x")
    poller.close()
    poller.close()
    poller.wake()
    with pytest.raises(ValueError, match="closed"):
        poller.turn()
    assert pair[0].recv(1) == b"x"


def test_closing_from_a_callback_ends_the_turn() -> None:
    poller = Poller()
    poller.soon(poller.close)
    poller.soon(lambda: pytest.fail("called"))
    poller.call_at(0.0, lambda: pytest.fail("called"))
    poller.turn(1.0)


def test_selectors_backend_with_nothing_to_watch_returns_at_once() -> None:
    backend = SelectorsBackend()
    assert backend.wait(0.0) == []
    backend.close()


def test_idle_descriptors_cost_a_turn_nothing() -> None:
    def cost(count: int) -> float:
        """Processor seconds of 300 turns with so many idle descriptors."""
        numbers = [os.dup(ours.fileno()) for _ in range(count)]
        with Poller() as poller:
            for number in numbers:
                Watch(number).attach(poller, lambda _: pytest.fail("called"))
            start = time.process_time()
            for _ in range(300):
                poller.turn()
            seconds = time.process_time() - start
            for number in numbers:
                poller.unregister(number)
                os.close(number)
        return seconds

    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert grows_below(10, cost, 1, 2000)
