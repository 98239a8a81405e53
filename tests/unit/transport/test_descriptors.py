"""Whose a descriptor is: nobody closes one that is not theirs, or closes theirs twice."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gdpeer.errors import TransportError
from gdpeer.transport.poller import Poller
from gdpeer.transport.tcp import TcpStream

opened: list[int] = []


class OpensAFile:
    """Opens a file when it goes; it gets the lowest number that is free. Not seen by the garbage collector itself."""

    __slots__ = ()

    def __del__(self) -> None:
        opened.append(os.open(os.devnull, os.O_RDONLY))


@contextmanager
def without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _lose_a_stream_in_a_cycle(other_end: list[socket.socket]) -> None:
    ours, theirs = socket.socketpair()
    other_end.append(theirs)
    stream = TcpStream(ours, OpensAFile())  # type: ignore[arg-type]
    poller = Poller()
    stream.attach(poller, [stream].append)  # a list that is younger than the stream, which is thereby cleared first


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_stream_in_a_cycle_closes_its_descriptor_once() -> None:
    other_end: list[socket.socket] = []
    with without_collections():
        _lose_a_stream_in_a_cycle(other_end)
        gc.collect()
    other_end[0].close()
    os.close(opened.pop())  # which raises where the stream has closed it


def test_released_socket_is_not_closed_with_the_stream() -> None:
    ours, theirs = socket.socketpair()
    stream = TcpStream(ours)
    released = stream.release()
    stream.close()
    with pytest.raises(TransportError):
        stream.receive_into(bytearray(1))
    with pytest.raises(TransportError):
        stream.send([b"x"])
    with released, theirs:
        assert released.send(b"x") == 1
        assert theirs.recv(2) == b"x"


PROGRAM = """
import os, socket
from gdpeer.transport.tcp import TcpStream

closed = socket.socket()
closed.close()
for make in (lambda: TcpStream(closed), lambda: TcpStream(), lambda: TcpStream.__new__(TcpStream)):
    try:
        made = make()
        made.local_address
    except (OSError, TypeError, AttributeError):
        pass
    made = None
    os.fstat(0)
"""


def test_stream_that_was_never_made_closes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
