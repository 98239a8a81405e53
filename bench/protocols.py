"""Compares the protocol code alone, without a network, with that of `websockets`; both echo as a server.

    python -m bench.protocols                      measures each installed form of gdpeer; writes bench/results
    python -m bench.protocols --quick              three rounds; writes no result
    python -m bench.protocols --here               measures the form of this interpreter; prints JSON

The input is masked frames, up to 64 KiB at a time, and the output is the frames of the answers. Before measuring, the
output for each input is compared with the expected one. `websockets` is measured with its C extension for masking and
without. All take turns in each round, and ratios are those of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.machine import Data, about, forms, headline, number, table, write
from gdpeer.protocol.connection import Connection
from gdpeer.protocol.frames import append_frame
from gdpeer.protocol.limits import Limits
from tests.support.missing import ROOT

SIZES = (32, 1024, 16_384, 65_536)
READ = 65_536
"""Bytes of an input: it holds as many whole frames as fit, and at least one."""
SECONDS = 0.05
"""The approximate duration of one sample, in seconds."""
ROUNDS = 11
OURS, THEIRS, PLAIN = "gdpeer", "websockets", "websockets, no C"

Echo = Callable[[bytes], int]
"""Takes an input, and returns the number of bytes of the answers."""


def frames_of(size: int) -> tuple[bytes, int, bytes]:
    """Returns an input, the number of its messages, and the expected answers."""
    count = max(1, READ // (size + 14))
    data, answer = bytearray(), bytearray()
    for _ in range(count):
        payload = os.urandom(size)
        append_frame(data, 0x82, payload, os.urandom(4))
        append_frame(answer, 0x82, payload, b"")
    return bytes(data), count, bytes(answer)


def gdpeer_echo(collect: Callable[[bytes], object] | None = None) -> Echo:
    connection = Connection(False, limits=Limits(max_message_size=1 << 24, max_queued_bytes=1 << 24))
    inbox, outbox = connection.inbox, connection.outbox

    def echo(data: bytes) -> int:
        connection.receive_data(bytearray(data), len(data))  # the copy imitates the read into a buffer
        while inbox.count:
            connection.send_message(inbox.next_packet(), False)
        sent = 0
        for chunk in outbox.data_to_send():
            sent += len(chunk)
            if collect is not None:
                collect(bytes(chunk))
        connection.data_sent(sent)
        return sent

    return echo


def websockets_echo(collect: Callable[[bytes], object] | None = None) -> Echo:
    from websockets.frames import Frame
    from websockets.protocol import State
    from websockets.server import ServerProtocol

    protocol = ServerProtocol(state=State.OPEN, max_size=None)

    def echo(data: bytes) -> int:
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame):
                protocol.send_binary(event.data)
        sent = 0
        for chunk in protocol.data_to_send():
            sent += len(chunk)
            if collect is not None:
                collect(chunk)
        return sent

    return echo


@contextmanager
def without_extension() -> Iterator[None]:
    """Makes `websockets` mask in Python during the block."""
    from websockets import frames, utils

    module: Any = frames
    before, module.apply_mask = module.apply_mask, utils.apply_mask
    try:
        yield
    finally:
        module.apply_mask = before


def check(data: bytes, answer: bytes) -> None:
    """Checks that both libraries give the expected answers."""
    for make in (gdpeer_echo, websockets_echo):
        found: list[bytes] = []
        make(found.append)(data)
        if b"".join(found) != answer:
            raise SystemExit(f"{make.__name__}: the answers are wrong")


def rate(echo: Echo, data: bytes, count: int) -> float:
    """Returns the messages per second of one sample."""
    echo(data)
    reads, start = 0, time.perf_counter()
    while time.perf_counter() < start + SECONDS:
        echo(data)
        reads += 1
    return reads * count / (time.perf_counter() - start)


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Returns the messages per second of all libraries, for each size and round."""
    results: dict[str, dict[str, list[float]]] = {}
    for size in SIZES:
        data, count, answer = frames_of(size)
        check(data, answer)
        rates: dict[str, list[float]] = {OURS: [], THEIRS: [], PLAIN: []}
        for _ in range(rounds):
            rates[OURS].append(rate(gdpeer_echo(), data, count))
            rates[THEIRS].append(rate(websockets_echo(), data, count))
            with without_extension():
                rates[PLAIN].append(rate(websockets_echo(), data, count))
        results[str(size)] = rates
    return results


# -- the result -------------------------------------------------------------------------------------------------------


def measure_forms(rounds: int) -> dict[str, Any]:
    """Measures all installed forms, each in its own interpreter."""
    found = {}
    for form, python in forms().items():
        command = [python, "-m", "bench.protocols", "--here", "--rounds", str(rounds)]
        found[form] = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return found


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    rows = []
    for form, results in data["results"].items():
        for size, rates in results.items():
            rows.append(
                [form, f"{int(size):,}", number(median(rates[OURS])), times(rates, THEIRS), times(rates, PLAIN)]
            )
    return table(("form", "bytes", "messages/s", f"x {THEIRS}", f"x {PLAIN}"), rows, words=1)


def times(rates: Mapping[str, Sequence[float]], other: str) -> str:
    return f"{median(ours / theirs for ours, theirs in zip(rates[OURS], rates[other], strict=True)):.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="three rounds; writes no result")
    parser.add_argument("--here", action="store_true", help="only the form of this interpreter, as JSON")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.rounds)))
        return 0
    rounds = 3 if options.quick else options.rounds
    data = {"about": about(rounds=rounds, seconds=SECONDS), "results": measure_forms(rounds)}
    text = markdown(data)
    print(text)
    if not options.quick:
        write("protocols", data, f"# The protocol without a network\n\n{headline(data['about'])}.\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
