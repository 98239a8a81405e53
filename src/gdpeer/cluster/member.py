"""`Member`: the lease of this worker, and what the worker may do while it cannot renew it.

The lease is the entry `w:<name>`. It ends 6 s after its last write, so the worker writes it every 2 s. Its epoch marks
what the worker writes elsewhere: that counts only while the lease has the same epoch.

    seconds since the last renewal     the worker
    0 to 3                             does everything
    3                                  asks up to three others whether they still renew their leases
    4                                  makes and saves nothing; goes on if the broker is away for the others as well
    6                                  has lost its lease (`on_fenced`) and begins anew, with another epoch

All times are of the worker's own clock, and count from the moment when a renewal was sent. So the worker stops before
others begin.

A process that hung until its lease was over had no chance to renew it. Perhaps the broker has the lease still: a
renewal was sent and not noticed, or the broker hung as well, as the whole machine did. So the worker makes and saves
nothing, and tries once more, for a second. The lease goes on if its entry is found as it was written; then nobody else
can have taken anything.

Layer: `cluster`.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from functools import partial
from typing import Literal

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import LIFETIMES, Away, Broker, BrokerError, Conflict, Entry, Value
from gdpeer.cluster.timers import CancelsTimer, Timers, in_background
from gdpeer.logs import get_logger

__all__ = ["LEASE", "Member", "Split"]

logger = get_logger("gdpeer.cluster")

LEASE = LIFETIMES["w"]
RENEWAL = 2.0
"""Seconds from one renewal to the next."""
DOUBT = 3.0
"""Seconds without a renewal after which the others are asked."""
PAUSE = 4.0
"""Seconds without a renewal after which nothing is made and saved."""
STEP = 0.5
"""Seconds between two attempts, and between two questions, while there is trouble."""
PATIENCE = 1.0
"""Seconds that an attempt has, and the answer of another worker; and the last attempt of a process that hung."""
HUNG = 0.5
"""Seconds by which a beat is late in a process that hung."""
DOWN_PAUSE, DOWN_END = 3.0, 4.0
"""As `PAUSE` and `LEASE`, from the last time when the others said that the broker is away for them as well."""

Split = Literal["close", "keep"]
"""What a worker does that reaches neither the broker nor another worker: it closes its rooms, or keeps them."""


class Member:
    """The lease of a worker.

    Args:
        broker: holds the lease.
        timers: of the game's thread.
        name: of the worker.
        describe: returns the value of the lease, without epoch and state.
        split: see `Split`.

    Attributes:
        name: of the worker.
        epoch: of the lease; another one after each loss.
        state: "up" or "draining".
        ask_others: asks up to three other workers whether they renew their leases; None: no others are known.
        on_joined: called when the lease begins.
        on_trouble: called when the broker is away.
        on_returned: called when the lease was renewed after the broker was away.
        on_fenced: called when the lease was lost.
        lost: how many leases were lost.
        renewal_seconds: the time that the last renewal took.
        is_over: whether the worker has left the cluster for good.
        is_cut_off: whether others reach the broker, and this worker does not, as far as is known.
    """

    def __init__(
        self, broker: Broker, timers: Timers, name: str, describe: Callable[[], Value], split: Split = "close"
    ) -> None:
        self.name = name
        self.state = "up"
        self.epoch = _draw_epoch(0, timers.wall_milliseconds())
        self.ask_others: Callable[[], list[Answer[bool]] | None] = lambda: None
        self.on_joined: Callable[[], object] = _nothing
        self.on_trouble: Callable[[], object] = _nothing
        self.on_returned: Callable[[], object] = _nothing
        self.on_fenced: Callable[[], object] = _nothing
        self.lost = 0
        self.renewal_seconds = 0.0
        self.is_cut_off = False
        self._broker = broker
        self._timers = timers
        self._describe = describe
        self._split = split
        self._key = f"w:{name}"
        self._revision = 0
        self._former_epoch = 0
        self._replaces = True  # the lease of a former process with this name
        self._is_in = self.is_over = self._is_trying = self._is_asking = self._is_in_trouble = False
        self._renewed_at = self._down_at = self._sent_at = self._next_at = -math.inf
        self._due_at, self._last_chance = math.inf, -math.inf
        self._timer: CancelsTimer | None = None

    # ------------------------------------------------------------------------------------------ what it may do

    def check(self) -> bool:
        """Whether the worker has its lease, by its own clock. Ends the lease if its time is over, unless this process
        hung and has a last chance to renew it.
        """
        now = self._timers.now()
        if self._is_in and now >= self._end_at() and not self._has_chance(now):
            self._fence("the lease was not renewed in time")
        return self._is_in and now < self._end_at()

    def _has_chance(self, now: float) -> bool:
        """Whether the lease, whose time is over, may still be renewed, as this process hung until a moment ago."""
        if now > self._due_at + HUNG:
            self.renew()
        return now < self._last_chance

    def may_make(self) -> bool:
        """Whether rooms may be made and shards taken now."""
        return self.may_save() and self.state == "up"

    def may_save(self) -> bool:
        """Whether states of rooms may be saved now."""
        return self.check() and self._timers.now() < max(self._renewed_at + PAUSE, self._down_at + DOWN_PAUSE)

    def is_renewing(self) -> bool:
        """Whether the lease is renewed as it should be: what other workers ask."""
        late = self._timers.now() - self._renewed_at >= RENEWAL + STEP
        return self._is_in and not self._is_in_trouble and not late

    def _end_at(self) -> float:
        return max(self._renewed_at + LEASE, self._down_at + DOWN_END)

    # ------------------------------------------------------------------------------------------ the beat

    def start(self) -> None:
        """Begins to ask for the lease, and to renew it."""
        self._beat()

    def note_trouble(self) -> None:
        """Takes note that the connection to the broker was lost."""
        self._note_trouble()
        self._plan_next()

    def _note_trouble(self) -> None:
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self.on_trouble()

    def renew(self) -> None:
        """Renews the lease now, as its value has changed, or the broker is back."""
        self._next_at = -math.inf
        self._plan(self._timers.now())

    def leave(self) -> None:
        """Ends the lease for good: the worker has nothing left."""
        was_in, self._is_in, self.is_over = self._is_in, False, True
        self._stop_timer()
        if was_in:
            in_background(self._delete())

    async def _delete(self) -> None:
        await self._timers.within(self._broker.delete(self._key, self._revision or None))

    def close(self) -> None:
        """Ends without a word to the broker."""
        self._is_in, self.is_over = False, True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self, when: float) -> None:
        self._stop_timer()
        if not self.is_over:
            now = self._timers.now()
            if now > self._due_at + HUNG:
                self._last_chance = now + PATIENCE
            self._due_at = when
            self._timer = self._timers.at(when, self._beat)

    def _beat(self) -> None:
        now = self._timers.now()
        is_valid = self.check()
        if not self._is_trying and now >= self._next_at:
            self._is_trying = True
            self._sent_at = now
            in_background(self._try())
        if is_valid and not self._is_asking and now - self._renewed_at >= DOUBT:
            self._is_asking = True
            in_background(self._ask())
        self._plan_next()

    def _plan_next(self) -> None:
        """Plans the next beat: the next attempt, question, or the end of the lease, whatever comes first."""
        now = self._timers.now()
        end = self._end_at() if now < self._end_at() else self._last_chance
        when = now + STEP
        if not self._is_trying:
            is_well = self._is_in and not self._is_in_trouble and now < self._end_at()
            self._next_at = self._sent_at + (RENEWAL if is_well else STEP)
            when = max(now, self._next_at)
        self._plan(max(now, min(when, end)) if self._is_in else when)

    # ------------------------------------------------------------------------------------------ writing the lease

    async def _try(self) -> None:
        try:
            await (self._renew() if self._is_in else self._join())
        except Away:
            self._note_trouble()
        except BrokerError:
            pass  # the next attempt looks again
        finally:
            self._is_trying = False
            self._plan_next()

    async def _renew(self) -> None:
        epoch = self.epoch
        try:
            await self._sent(self._broker.update(self._key, self._value(), self._revision))
        except Conflict:
            entry = await self._get()
            if epoch == self.epoch:
                await self._renew_other(entry)

    async def _renew_other(self, entry: Entry | None) -> None:
        """Renews the lease after its entry was found to be another one than this worker wrote last."""
        epoch = self.epoch
        if entry is None and self.check():  # the broker has lost it
            await self._sent(self._broker.create(self._key, self._value()))
        elif entry is not None and entry.value.get("epoch") == epoch:  # an answer was lost
            await self._sent(self._broker.update(self._key, self._value(), entry.revision))
        elif epoch == self.epoch and self._is_in:
            self._fence("the lease has ended" if entry is None else "another process has taken the name")

    async def _join(self) -> None:
        entry = await self._get()
        if entry is None:
            await self._sent(self._broker.create(self._key, self._value()))
        elif self._replaces or entry.value.get("epoch") in (self.epoch, self._former_epoch):
            await self._sent(self._broker.update(self._key, self._value(), entry.revision))
        else:
            logger.warning("worker %s: another process has this name; waiting for the end of its lease", self.name)

    def _get(self) -> Answer[Entry | None]:
        return self._timers.within(self._broker.get(self._key), PATIENCE)

    def _value(self) -> Value:
        return {**self._describe(), "epoch": self.epoch, "state": self.state}

    def _sent(self, answer: Answer[int]) -> Answer[int]:
        answer.then(partial(self._took, self._timers.now(), self.epoch))  # counts even if it comes late
        return self._timers.within(answer, PATIENCE)

    def _took(self, sent: float, epoch: int, answer: Answer[int]) -> None:
        """Takes the result of a write of the lease that was sent at a time."""
        try:
            revision = answer.result()
        except BrokerError:
            return
        self.check()
        if epoch != self.epoch or sent < self._renewed_at or sent + LEASE <= self._timers.now() or self.is_over:
            return
        self._renewed_at, self._revision, self._last_chance = sent, revision, -math.inf
        self.renewal_seconds = self._timers.now() - sent
        was_in, self._is_in = self._is_in, True
        had_trouble, self._is_in_trouble = self._is_in_trouble, False
        self._replaces = self.is_cut_off = False
        if not was_in:
            self.on_joined()
        elif had_trouble:
            self.on_returned()

    def _fence(self, why: str) -> None:
        """Loses the lease, and begins anew with another epoch."""
        logger.warning("worker %s: %s: its shards are free for others", self.name, why)
        self._is_in = self._is_in_trouble = False
        self._former_epoch, self.epoch = self.epoch, _draw_epoch(self.epoch, self._timers.wall_milliseconds())
        self._revision = 0
        self._renewed_at = self._down_at = self._last_chance = -math.inf
        self.lost += 1
        self.on_fenced()
        if not self._is_trying:
            self.renew()

    # ------------------------------------------------------------------------------------------ asking the others

    async def _ask(self) -> None:
        began, epoch = self._timers.now(), self.epoch
        try:
            asked = self.ask_others()
            # All at once: one second for each in turn would leave no time to ask others when these do not answer.
            answers = None if asked is None else [self._timers.within(answer, PATIENCE) for answer in asked]
            heard = None if answers is None else [await _heard(answer) for answer in answers]
        finally:
            self._is_asking = False
        if epoch != self.epoch:
            return
        self.is_cut_off = heard is not None and True in heard
        if heard is None or (not self.is_cut_off and (False in heard or self._split == "keep")):
            self._down_at = max(self._down_at, began)


async def _heard(answer: Answer[bool]) -> bool | None:
    try:
        return await answer
    except Exception:  # no answer, whatever the reason
        return None


def _draw_epoch(former: int, milliseconds: int) -> int:
    """Returns an epoch that no other process draws, and that is greater than a former one."""
    return max(former, milliseconds << 10) + 1 + secrets.randbelow(1 << 9)


def _nothing() -> None:
    """Stands for a callback that was not given."""
