"""`gdpeer serve --check`: says whether game, secret, broker, port and system would do, without serving.

Layer: `cli`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import click

from gdpeer.cli.failure import Failure, describe
from gdpeer.cli.game_module import load_game
from gdpeer.cli.serve import Serving, lack_of_address, make_hall, read_keys, read_monitor_token
from gdpeer.cli.serve_workers import NO_SECRET, Port, raise_limit, refuse_what_cannot_be, run_soon_of
from gdpeer.cluster.broker.address import Address
from gdpeer.cluster.broker.base import BrokerError
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.links import CAN_PASS
from gdpeer.transport.poller import Poller

__all__ = ["check"]

BROKER_TIME = 5.0
"""Seconds in which the broker must answer."""


def check(serving: Serving) -> None:
    """Prints a line for each thing that is needed.

    Raises:
        Failure: something will not do.
    """
    problems = 0
    for name, look in questions(serving):
        try:
            line = look()
        except click.ClickException as error:
            problems += 1
            line = f"no: {describe(error)}"
        click.echo(f"{name:<13}{line}")
    if problems:
        raise Failure(f"{problems} of these will not do")


def questions(serving: Serving) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yields what is looked at: a name, and a function that returns a line or raises."""
    yield "game", lambda: look_at_game(serving)
    yield "secret", lambda: look_at_secret(serving)
    yield "monitor", lambda: "has a token" if read_monitor_token(serving.monitor_token_file) else "off: it has no token"
    yield "port", lambda: look_at_port(serving)
    if serving.workers is not None:
        yield "workers", lambda: look_at_workers(serving)
    if CAN_PASS:  # a system that passes no sockets has no such limit
        yield "descriptors", lambda: f"{raise_limit():,} a process: each player takes one"
    if serving.broker is not None:
        yield "broker", lambda: look_at_broker(serving)
        lack = lack_of_address(serving)
        if lack:
            yield "address", lambda: f"Warning: {lack}"


def look_at_game(serving: Serving) -> str:
    """Loads the game, and names its kinds of rooms."""
    hall = make_hall(load_game(*serving.game), serving.origins)
    return f"{', '.join(hall.kinds)}; {'with' if hall.lobby is not None else 'without'} a lobby"


def look_at_secret(serving: Serving) -> str:
    """Reads the secret. Workers of several machines must share one."""
    if read_keys(serving.secret_file) is not None:
        return "given"
    if serving.broker is not None:
        raise Failure(NO_SECRET)
    return "none is given: one is drawn, and seats end with the server"


def look_at_port(serving: Serving) -> str:
    """Opens the port and closes it again."""
    port = Port(serving.host, serving.port)
    port.close()
    return f"{port.name or port.number} is free"


def look_at_workers(serving: Serving) -> str:
    """Looks whether the system can pass connections between processes."""
    refuse_what_cannot_be(serving)
    return f"{serving.workers}, and a door"


def look_at_broker(serving: Serving) -> str:
    """Asks the broker something.

    Raises:
        Failure: it does not answer in time.
    """
    assert serving.broker is not None
    shown = Address(serving.broker).shown
    with Poller() as poller:
        try:
            broker = open_broker(serving.broker, serving.namespace, run_soon_of(poller))
        except (ValueError, ImportError) as error:
            raise Failure(str(error)) from error
        ends = time.monotonic() + BROKER_TIME
        answer = None
        while (answer is None or not answer.is_done) and time.monotonic() < ends:
            poller.turn(0.05)
            if answer is None and broker.is_connected:
                answer = broker.scan("w:")
        broker.close()
    try:
        if answer is None or not answer.is_done:
            raise Failure(f"{shown} does not answer within {BROKER_TIME:g} s")
        return f"{shown} answers; workers there: {len(answer.result())}"
    except BrokerError as error:
        raise Failure(f"{shown}: {error}") from error
