"""A message for which no memory is left: its connection ends, the program and its other connections go on."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="this system cannot limit a process's memory")

PROGRAM = """
import resource, sys
from gdpeer import WebSocketPeer
from gdpeer.transport.memory import memory_pair

LARGE = 1 << 30
ends = WebSocketPeer(), WebSocketPeer()
for peer in ends:
    peer.inbound_buffer_size = LARGE
    peer.outbound_buffer_size = 0
server, client = ends
streams = memory_pair(capacity=1 << 20)
server.accept_stream(streams[0])
client.connect_through(streams[1])
while client.get_ready_state() != WebSocketPeer.STATE_OPEN:
    server.poll()
    client.poll()
first = b"" if sys.argv[1] == "whole" else b"\\x02\\x04abcd"
rest = 0x82 if sys.argv[1] == "whole" else 0x80
server._backend.connection.outbox.send_raw(first + bytes([rest, 127]) + (LARGE - 100).to_bytes(8, "big"))
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (48 << 20),) * 2)
piece = bytes(1 << 18)
for _ in range(4000):
    if client.get_ready_state() == WebSocketPeer.STATE_CLOSED:
        break
    if server.get_current_outbound_buffered_amount() < 1 << 20:
        server._backend.connection.outbox.send_raw(piece)
    server._backend.flush()
    client.poll()
    server.poll()
print(client.get_close_code(), client.get_close_cause())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("fragments", ["whole", "fragmented"])
def test_message_without_memory_ends_its_connection(fragments: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, fragments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1009 ")
    assert "more memory than is left" in done.stdout
