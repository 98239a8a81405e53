"""S4: the connection is reset, half closed or damaged at each step of a session, over TCP and TLS: both sides end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.proxy import DOWN, UP, proxy
from tests.trust.sessions import TICK, Session, joined_at, nothing_left

pytestmark = pytest.mark.timeout(180)

Steps = Callable[[int, int], int]
STEPS: dict[str, Steps] = {
    "during TCP": lambda opened, total: 0,
    "in the first byte": lambda opened, total: 1,
    "in the middle of the head": lambda opened, total: opened // 2,
    "before the head ends": lambda opened, total: opened - 1,
    "after the head": lambda opened, total: opened,
    "in a frame's head": lambda opened, total: opened + 1,
    "in a message": lambda opened, total: (opened + total) // 2,
    "at the close": lambda opened, total: total - 8,
    "in the close": lambda opened, total: total - 1,
}
"""So many bytes of a direction, of those until the session was open, and of all."""

SLACK = 6
"""Bytes: one signature of TLS is so much shorter than another, and all that follows comes earlier."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(Path(tmp_path_factory.mktemp("tls")))


def session_of(scheme: str, certificates: Certificates) -> Session:
    session = Session(heartbeat_interval=5.0)  # a damaged length may announce bytes that never come
    session.server.bind_ip = "127.0.0.1"
    if scheme == "wss":
        session.server.private_key = str(certificates.key)
        session.server.ssl_certificate = str(certificates.certificate)
    assert not session.server.listen(0)
    return session


def whole(scheme: str, certificates: Certificates) -> tuple[list[int], list[int]]:
    """Bytes in each direction until the session was open, and in all."""
    session = session_of(scheme, certificates)
    opened: list[int] = []
    with proxy(session.server.get_local_port()) as way:
        session.client.connection_established.connect(lambda _: opened.extend(way.passed))
        joined_at(session, way.port, scheme)
        session.play(lambda: TICK if session.is_complete() else 0.0, way.pump)
        session.check()
        total = list(way.passed)
    session.end()
    return opened, total


@pytest.fixture(scope="module")
def wholes(certificates: Certificates) -> dict[str, tuple[list[int], list[int]]]:
    return {scheme: whole(scheme, certificates) for scheme in ("ws", "wss")}


def hurt(scheme: str, certificates: Certificates, how: str, direction: int, at: int) -> Session:
    """A session that is hurt there; it has ended, and as it should."""
    session = session_of(scheme, certificates)
    with proxy(session.server.get_local_port(), how, direction, at) as way:
        joined_at(session, way.port, scheme)
        session.play(lambda: TICK if way.has_struck else 0.0, way.pump)
        assert way.has_struck
    session.check()
    return session


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("direction", [UP, DOWN], ids=["up", "down"])
@pytest.mark.parametrize("how", ["reset", "half-close"])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_s4_an_end_at_each_step(
    scheme: str,
    how: str,
    direction: int,
    step: str,
    certificates: Certificates,
    wholes: dict[str, tuple[list[int], list[int]]],
) -> None:
    opened, total = wholes[scheme]
    at = STEPS[step](opened[direction], total[direction])
    if scheme == "wss" and at > opened[direction]:
        at -= SLACK
    with nothing_left() as held:
        held += hurt(scheme, certificates, how, direction, at).end()


@pytest.mark.parametrize("direction", [UP, DOWN], ids=["up", "down"])
@pytest.mark.parametrize("how", ["reset", "half-close", "damage"])
def test_s4_all_along_tls(
    how: str, direction: int, certificates: Certificates, wholes: dict[str, tuple[list[int], list[int]]]
) -> None:
    """Also a byte of any record that is not what was sent."""
    total = wholes["wss"][1][direction]
    count = amount(8, 400)
    with nothing_left() as held:
        for number in range(count):
            session = hurt("wss", certificates, how, direction, number * (total - 40) // count)
            held += session.end()
            del session
    record("S4", **{f"tls_{how}_{'down' if direction else 'up'}": count})
