"""What a forked child does with what it inherited changes nothing for its parent, and the child can go on with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, selectors, socket, sys
from gdpeer.transport.readiness import SelectorsBackend
from gdpeer.transport.poller import Poller
from gdpeer.transport.sockets import TcpStream

def ended(work):
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

poller = Poller(backend=None if sys.argv[1] == "direct" else SelectorsBackend())
poller.turn(0.01)
ours, theirs = socket.socketpair()
idle, other = socket.socketpair()
streams = [TcpStream(ours), TcpStream(idle)]
told = []
for stream in streams:
    stream.attach(poller, told.append)
streams[1].want_read(False)

def let_go():
    poller.wake()
    streams[0].close()
    poller.close()

def go_on():
    theirs.send(b"x")
    poller.turn(10.0)
    assert told == [1], told
    streams[1].want_read(True)
    poller.turn()
    assert told == [1, 1], told

assert ended(let_go) == 0
poller.turn(0.01)
assert told == []
assert ended(go_on) == 0
poller.turn(10.0)
assert told == [1], told
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("backend", ["direct", "selectors"])
def test_child_leaves_the_parents_poller_alone(backend: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, backend], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
