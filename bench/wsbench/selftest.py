"""Checks that the load generator notices faulty servers, and reports no error for a correct one."""

from __future__ import annotations

import shlex
import sys

from bench.wsbench.peers import HERE, Peer, build_all
from bench.wsbench.processes import Server, load

ECHO, ECHO_LARGE = "echo -c 4 -w 4 -s 200 --text", "echo -c 4 -w 1 -s 70000 --binary"
CONNECT, FANOUT = "connect -c 4", "fanout -c 20 -w 4 -s 64 --text"

FAULTS = [
    ("none", ECHO, ""),
    ("corrupt", ECHO, "content"),
    ("corrupt", ECHO_LARGE, "content"),
    ("truncate", ECHO, "length"),
    ("drop", "echo -c 4 -w 1 -s 200 --text", "lost"),
    ("drop", "echo -c 4 -w 8 -s 200 --text", "order"),
    ("repeat", ECHO, "order"),
    ("repeat", "echo -c 1 -w 1 -s 8 --text", "extra|content"),
    ("swap", "echo -c 1 -w 4 -s 200 --text", "order"),
    ("type", ECHO, "type"),
    ("mask", ECHO, "protocol"),
    ("vanish", ECHO, "dropped"),
    ("noclose", ECHO, "unclean"),
    ("noclose", CONNECT, "unclean"),
    ("badaccept", CONNECT, "handshake"),
    ("none", CONNECT, ""),
    ("none", FANOUT, ""),
    ("drop", FANOUT, "lost|order"),
    ("repeat", FANOUT, "order|extra"),
    ("corrupt", FANOUT, "content"),
    ("swap", FANOUT, "order"),
]
"""Rows of a fault, a load, and the kinds of error of which one must be reported; empty for a correct server."""


def selftest() -> int:
    """Tries all faults; returns the exit status, which is 1 if one was missed."""
    build_all()
    missed = sum(not notices(*row) for row in FAULTS)
    print("self-test:", f"{missed} FAILED" if missed else "passed")
    return 1 if missed else 0


def notices(fault: str, words: str, expected: str) -> bool:
    command = f"{shlex.quote(sys.executable)} faulty_server.py --loop asyncio --fault {fault} --port {{port}}"
    server = Server("faulty", Peer(command, folder=HERE / "servers"))
    if not server.start():
        return False
    answer = load(server, f"{words} --drain 0.5", 0.5, 0.1)
    server.stop()
    found = [kind for kind, count in answer.get("errors", {}).items() if count]
    is_right = any(kind in found for kind in expected.split("|")) if expected else not answer["error_total"]
    first = f"; {answer['first_error']}" if answer.get("first_error") else ""
    print(f"{'ok  ' if is_right else 'FAIL'} {fault:10} {words:36} reported: {', '.join(found) or 'clean'}{first}")
    return is_right
