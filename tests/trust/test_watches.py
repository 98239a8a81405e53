"""The system itself refuses a watch: `epoll_ctl` fails for one connection of several that come at once.

A filter of the kernel (seccomp) in a child process refuses it for one descriptor, so that the compiled form, which asks
the system directly, is tested in the same way.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

NUMBERS = {"x86_64": 233, "aarch64": 21}
"""Of epoll_ctl, by machine."""

PROGRAM = """
import ctypes, errno, json, logging, os, struct, sys, time
from gdpeer import WebSocketPeer, WebSocketServer
from gdpeer.transport.poller import Poller

def refuse(epoll_ctl, descriptor):
    \"\"\"Have EPOLL_CTL_ADD of that descriptor fail with ENOSPC from now on, in this thread.\"\"\"
    code = [
        (0x20, 0, 0, 0), (0x15, 0, 5, epoll_ctl),        # the call's number
        (0x20, 0, 0, 24), (0x15, 0, 3, 1),               # its second argument: EPOLL_CTL_ADD
        (0x20, 0, 0, 32), (0x15, 0, 1, descriptor),      # its third
        (0x06, 0, 0, 0x00050000 | errno.ENOSPC), (0x06, 0, 0, 0x7FFF0000),
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
    assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0, os.strerror(ctypes.get_errno())

logging.basicConfig(format="%(name)s %(message)s")
server = WebSocketServer()
server.bind_ip = "127.0.0.1"
server.data_received.connect(lambda peer_id: server.get_peer(peer_id).send(server.get_peer(peer_id).get_packet()))
assert server.listen(0) == 0
server.poll(0.001)  # it has its own descriptors now
clients = [WebSocketPeer() for _ in range(5)]
for client in clients:
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
refuse(int(sys.argv[1]), int(os.dup(0)) + 2)  # two of the five come before that descriptor
end = time.monotonic() + 20
while any(c.get_ready_state() == c.STATE_CONNECTING for c in clients) and time.monotonic() < end:
    server.poll(0.01)
    for client in clients:
        client.poll()
for client in clients:
    client.send(b"x")
echoes = []
while len(echoes) < 4 and time.monotonic() < end:
    server.poll(0.01)
    for client in clients:
        client.poll()
        echoes += client
states = [c.get_ready_state().name for c in clients]
print(json.dumps({"states": sorted(states), "echoes": len(echoes), "refused": dict(server.stats().refused)}))
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in NUMBERS, reason="needs seccomp")
def test_s5_the_system_refuses_one_watch_of_several() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    number = str(NUMBERS[platform.machine()])
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, number], capture_output=True, text=True, timeout=60, env=environment
    )
    if "Function not implemented" in program.stderr or "Invalid argument" in program.stderr:
        pytest.skip("this kernel has no filters")
    assert program.returncode == 0, program.stderr
    told = json.loads(program.stdout)
    assert told == {"states": ["CLOSED", "OPEN", "OPEN", "OPEN", "OPEN"], "echoes": 4, "refused": {"tcp": 1}}
    assert "the system watches no more sockets: its limit is reached" in program.stderr
