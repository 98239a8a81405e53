"""`Link`, one connection to a broker, and `LinkKeeper`, which makes the next when a link is lost.

    thread of the game          thread of the broker's client, with an asyncio loop
    ------------------          ---------------------------------------------------
    ThreadBroker     ------>    LinkKeeper  ------>  RedisLink, NatsLink or LocalLink
                     <------    (subscriptions, time limits, health)

A link never connects again by itself: the libraries would send writes late that were given up long ago. The keeper
makes a new link, subscribes again to all subjects, and only then says that the broker is there.

Layer: `cluster`; asyncio.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from gdpeer.cluster.broker.base import Away, BrokerError, Unsupported
from gdpeer.logs import get_logger, log_limited

__all__ = ["Link", "LinkKeeper", "Row", "Sink"]

logger = get_logger("gdpeer.cluster")
T = TypeVar("T")

Row: TypeAlias = tuple[str, bytes, int]
"""An entry as it is stored: key, JSON, revision."""

VERB_TIME = 1.8
"""Seconds until a verb fails with `Away`."""
OPEN_TIME = 5.0
"""Seconds for an attempt to connect. A busy NATS may take seconds to make its buckets."""
SCAN_TIME = 60.0
"""Seconds for a scan, each of whose steps has a limit of its own."""
STEP_TIME = 1.5
"""Seconds for one question to the broker."""
HELD_UP = 0.5
"""Seconds by which a time limit is noticed too late when this thread did not run."""
CHECK_EVERY = 1.0
"""Seconds between two questions whether the broker is there."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two attempts to connect; the pause doubles."""
REFUSED_PAUSE = 5.0
"""Seconds until the next attempt when the broker cannot do what is needed."""


class Sink(Protocol):
    """Takes what comes from a broker without being asked for. Called in the thread of the loop."""

    def take_message(self, subject: str, data: bytes, token: object) -> None:
        """Takes a message; the token is for `Link.reply`, None: it needs no answer."""

    def take_loss(self, problem: Exception) -> None:
        """Takes note that the link is lost."""


class Link(Protocol):
    """One connection to a broker. Used in the loop of one thread; each method may raise any exception."""

    async def open(self) -> None:
        """Connects. Called once, before all other methods."""

    async def check(self) -> None:
        """Asks whether the broker is there, and whether it can do its work."""

    async def get(self, key: str) -> Row | None:
        """Reads an entry; None: it does not exist."""

    async def write(self, key: str, data: bytes, revision: int | None) -> int:
        """Writes an entry that has this revision, or (None) does not exist; returns the new revision."""

    async def delete(self, key: str, revision: int | None) -> None:
        """Removes an entry that has this revision; None: whether it exists or not."""

    async def scan(self, prefix: str) -> list[Row]:
        """Reads all entries whose keys begin with a text."""

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends a message to all."""

    async def subscribe(self, subject: str) -> None:
        """Has messages to a subject come to the sink. When this returns, the broker knows of it."""

    async def unsubscribe(self, subject: str) -> None:
        """Has no more messages to a subject come."""

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        """Sends a message and returns the answer."""

    async def reply(self, token: object, data: bytes | None) -> None:
        """Answers a message; None: the message is refused, because too many wait."""

    async def close(self) -> None:
        """Ends the connection. Does not wait for the broker."""

    def translate(self, problem: Exception) -> BrokerError:
        """Returns the broker's form of an exception of the library, without secrets."""


class LinkKeeper:
    """Keeps a broker connected. All methods belong to the thread of the loop.

    Args:
        loop: in which all this runs.
        make: makes a link that is not open, for a sink.
        shown: the broker's URL without secrets, for logs.
        on_message: gets subject, data and token of each message, and the link it came from.
        on_change: gets True or False each time the broker comes or goes.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make: Callable[[Sink], Link],
        shown: str,
        on_message: Callable[[Link, str, bytes, object], object],
        on_change: Callable[[bool], object],
    ) -> None:
        self.shown = shown
        self._loop = loop
        self._make, self._on_message, self._on_change = make, on_message, on_change
        self._subjects: dict[str, None] = {}
        self._link: Link | None = None
        self._problem: BrokerError | None = None
        self._tried = asyncio.Event()
        self._calls: set[asyncio.Task[Any]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._loss: asyncio.Future[Exception] = loop.create_future()

    # -- the connection -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connects, and connects again after each loss, until it is cancelled."""
        while True:
            link = await self._connect()
            if link is None:
                await asyncio.sleep(self._pause())
                continue
            try:
                problem = await self._stay(link)
            finally:
                self._link = None
                await self._let_go(link)
            self._note_loss(problem)

    async def _connect(self) -> Link | None:
        self._loss = self._loop.create_future()
        link = self._make(_Sink(self._loss, self._take_message))
        try:
            async with asyncio.timeout(OPEN_TIME):
                await self._open(link)
        except BaseException as problem:
            self._link = None
            await self._let_go(link)
            if not isinstance(problem, Exception):
                raise
            self._note_failure(_translated(link, problem))
            return None
        self._note_success()
        return link

    async def _open(self, link: Link) -> None:
        await link.open()
        # A subject that is added from now on is subscribed to by `subscribe` itself.
        self._link = link
        for subject in tuple(self._subjects):
            await link.subscribe(subject)

    def _note_success(self) -> None:
        self._failures, self._problem = 0, None
        self._tried.set()
        logger.info("connected to the broker %s", self.shown)
        self._on_change(True)

    def _note_failure(self, problem: BrokerError) -> None:
        text = str(problem)
        if self._problem is None or str(self._problem) != text:
            level = logging.ERROR if isinstance(problem, Unsupported) else logging.WARNING
            log_limited(logger, level, "the broker %s cannot be used: %s", self.shown, text)
        self._problem = problem
        self._failures += 1
        self._tried.set()

    def _note_loss(self, problem: Exception) -> None:
        self._problem = Away(f"the broker {self.shown} cannot be reached")
        log_limited(logger, logging.WARNING, "the connection to the broker %s is lost: %s", self.shown, problem)
        for task in (*self._calls, *self._settling):
            task.cancel()
        self._on_change(False)

    def _pause(self) -> float:
        if isinstance(self._problem, Unsupported):
            return REFUSED_PAUSE
        longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10))
        # Half of the pause is random, so that all workers do not come back at the same moment.
        return longest * (1 - random.random() / 2)

    async def _stay(self, link: Link) -> Exception:
        """Returns the reason once the link is lost."""
        while True:
            done, _ = await asyncio.wait([self._loss], timeout=CHECK_EVERY)
            if done:
                return _translated(link, self._loss.result())
            began = self._loop.time()
            try:
                async with asyncio.timeout(STEP_TIME):
                    await link.check()
            except Exception as problem:
                # If this thread itself did not run for long, the answer may be there, unread.
                if not isinstance(problem, TimeoutError) or self._loop.time() < began + STEP_TIME + HELD_UP:
                    return _translated(link, problem)

    async def _let_go(self, link: Link) -> None:
        try:
            async with asyncio.timeout(STEP_TIME / 3):
                await link.close()
        except Exception as problem:
            logger.debug("closing the link to %s: %s", self.shown, type(problem).__name__)

    def _lose(self, problem: Exception) -> None:
        """Gives up the present link."""
        if not self._loss.done():
            self._loss.set_result(problem)

    # -- calls --------------------------------------------------------------------------------------------------------

    async def call(self, verb: Callable[[Link], Awaitable[T]], limit: float | None = None) -> T:
        """Runs a verb with the present link, for at most `limit` seconds; None: `VERB_TIME`.

        Raises:
            BrokerError: the verb failed; `Away` after its time.
        """
        began = self._loop.time()
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        link: Link | None = None
        try:
            async with asyncio.timeout_at(began + VERB_TIME):
                link = await self._ready()
            async with asyncio.timeout_at(began + (limit or VERB_TIME)):
                return await verb(link)
        except asyncio.CancelledError:
            raise Away(f"the connection to the broker {self.shown} was lost") from None
        except BrokerError:
            raise
        except TimeoutError:
            # Whether the link is still of use is for `_stay` to find out.
            raise Away(f"the broker {self.shown} has not answered in time") from None
        except Exception as error:
            assert link is not None
            raise self._judge(link, error) from None
        finally:
            self._calls.discard(task)

    def _judge(self, link: Link, error: Exception) -> BrokerError:
        problem = _translated(link, error)
        if isinstance(problem, Away) and link is self._link:
            self._lose(problem)
        return problem

    async def _ready(self) -> Link:
        await self._tried.wait()
        if self._settling:
            await asyncio.wait(tuple(self._settling))
        if self._link is None:
            raise self._problem or Away(f"the broker {self.shown} cannot be reached")
        return self._link

    # -- subjects -----------------------------------------------------------------------------------------------------

    def subscribe(self, subject: str) -> None:
        """Subscribes to a subject, now and after each loss. Calls that come later wait until the broker knows of it."""
        self._subjects[subject] = None
        self._settle(lambda link: link.subscribe(subject))

    def unsubscribe(self, subject: str) -> None:
        """Has no more messages to a subject come."""
        self._subjects.pop(subject, None)
        self._settle(lambda link: link.unsubscribe(subject))

    def _settle(self, verb: Callable[[Link], Awaitable[None]]) -> None:
        link = self._link
        if link is None:
            return  # `_connect` subscribes to all subjects
        task = self._loop.create_task(self._settle_with(link, verb))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle_with(self, link: Link, verb: Callable[[Link], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(STEP_TIME):
                await verb(link)
        except Exception as problem:
            if link is self._link:
                self._lose(_translated(link, problem))

    def _take_message(self, loss: asyncio.Future[Exception], subject: str, data: bytes, token: object) -> None:
        # A link that was given up says no more.
        if loss is self._loss and self._link is not None and subject in self._subjects:
            self._on_message(self._link, subject, data, token)


class _Sink:
    """The sink of one link."""

    def __init__(
        self,
        loss: asyncio.Future[Exception],
        take: Callable[[asyncio.Future[Exception], str, bytes, object], None],
    ) -> None:
        self._loss, self._take = loss, take

    def take_message(self, subject: str, data: bytes, token: object) -> None:
        self._take(self._loss, subject, data, token)

    def take_loss(self, problem: Exception) -> None:
        if not self._loss.done():
            self._loss.set_result(problem)


def _translated(link: Link, problem: Exception) -> BrokerError:
    if isinstance(problem, BrokerError):
        return problem
    if isinstance(problem, TimeoutError):
        return Away("the broker has not answered in time")
    return link.translate(problem)
