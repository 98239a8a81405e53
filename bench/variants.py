"""Compares the Variant codec with msgspec's MessagePack: both encode and decode the same data in one process.

    python -m bench.variants                       a Markdown table on the terminal
    python -m bench.variants --rounds 31 --json FILE

Each round times all cases one after another, so that other programs slow down both codecs; ratios are those of the same
round. The arguments of a remote call are in the compact form of a packet, all other data in the full encoding.
MessagePack has neither vectors nor packed arrays, so it encodes lists of floats instead.

Compare ratios rather than times, which depend on the machine and the day.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from timeit import Timer
from typing import Any

from bench.run import processor
from gdpeer import PackedFloat32Array, Vector2, bytes_to_var, var_to_bytes
from gdpeer.variant.binary import codec
from gdpeer.variant.binary.compact import decode_arguments, encode_arguments

msgspec: Any = importlib.import_module("msgspec") if importlib.util.find_spec("msgspec") else None

LEAST_ROUNDS = 11
SECONDS = 0.02
"""The approximate duration of one sample, in seconds."""

FLOATS = [index / 4 for index in range(10_000)]
COUNTED = {f"key{index}": index for index in range(1_000)}


@dataclass
class Case:
    """One line of the table: two calls that do the same work. Times are seconds per call, one for each round."""

    name: str
    ours: Timer
    theirs: Timer
    calls: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def calibrate(self) -> None:
        self.calls = (calls_for(self.ours), calls_for(self.theirs))

    def sample(self) -> None:
        ours, theirs = self.calls
        self.times.append((self.ours.timeit(ours) / ours, self.theirs.timeit(theirs) / theirs))

    def summary(self) -> dict[str, Any]:
        ratios = sorted(ours / theirs for ours, theirs in self.times)
        return {
            "name": self.name,
            "ours_ns": median(ours for ours, _ in self.times) * 1e9,
            "theirs_ns": median(theirs for _, theirs in self.times) * 1e9,
            "ratio": median(ratios),
            "spread": [ratios[0], ratios[-1]],
        }


def calls_for(timer: Timer) -> int:
    """Returns the number of calls that take about `SECONDS`, measured after a call that warms up."""
    calls, took = timer.autorange()
    return max(1, round(calls * SECONDS / took))


def call(statement: str, **names: Any) -> Timer:
    return Timer(statement, globals=names)


def against_msgspec() -> list[Case]:
    """Returns the cases of the table."""
    found: list[Case] = []
    arguments = ["hello", 7, Vector2(1, 2), {"k": 1}]
    packet = encode_arguments(arguments)
    found += pair(
        "RPC arguments",
        call("encode(value)", encode=encode_arguments, value=arguments),
        call("decode(data, 0, 4, size)", decode=decode_arguments, data=packet, size=len(packet)),
        ["hello", 7, [1.0, 2.0], {"k": 1}],
    )
    found += pair("dictionary of 1,000 ints", *full(COUNTED), COUNTED)
    found += pair("10,000 packed floats", *full(PackedFloat32Array(FLOATS)), FLOATS)
    return found


def full(value: Any) -> tuple[Timer, Timer]:
    """Returns the timers of the full encoding: encode and decode."""
    data = var_to_bytes(value)
    return call("encode(value)", encode=var_to_bytes, value=value), call("decode(data)", decode=bytes_to_var, data=data)


def pair(name: str, encode: Timer, decode: Timer, theirs: Any) -> list[Case]:
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder()
    data = encoder.encode(theirs)
    return [
        Case(f"{name}, encode", encode, call("encode(value)", encode=encoder.encode, value=theirs)),
        Case(f"{name}, decode", decode, call("decode(data)", decode=decoder.decode, data=data)),
    ]


def against_memory() -> list[Case]:
    """Returns cases that compare packed floats with a plain copy of as many bytes."""
    encode, decode = full(PackedFloat32Array(FLOATS))
    copy = call("bytes(source)", source=bytearray(4 * len(FLOATS)))
    return [Case("encode", encode, copy), Case("decode", decode, copy)]


def measure(cases: list[Case], rounds: int) -> None:
    for case in cases:
        case.calibrate()
    for _ in range(rounds):
        for case in cases:
            case.sample()


def time_of(nanoseconds: float) -> str:
    return f"{nanoseconds:.0f} ns" if nanoseconds < 10_000 else f"{nanoseconds / 1000:.1f} µs"


def table(head: str, rows: list[dict[str, Any]], shown: Callable[[float], str]) -> str:
    lines = [head, "|---|--:|--:|--:|--:|"]
    for row in rows:
        low, high = row["spread"]
        lines.append(
            f"| {row['name']} | {shown(row['ours_ns'])} | {shown(row['theirs_ns'])} "
            f"| {row['ratio']:.2f} | {low:.2f} to {high:.2f} |"
        )
    return "\n".join(lines)


def speed_of(nanoseconds: float) -> str:
    return f"{4 * len(FLOATS) / nanoseconds:.1f} GB/s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"default, and at least: {LEAST_ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as well")
    options = parser.parse_args()
    if msgspec is None:
        print("not run: msgspec is not installed; it comes with the dependency group `bench`", file=sys.stderr)
        return 1
    rounds = max(options.rounds, LEAST_ROUNDS)
    others, memory = against_msgspec(), against_memory()
    measure(others + memory, rounds)
    form = "as Python" if codec.__file__.endswith(".py") else "compiled"
    head = f"gdpeer {form}, msgspec {msgspec.__version__}, Python {platform.python_version()}, {processor()}"
    print(f"{head}; medians of {rounds} rounds, the spread of the ratio from the least to the greatest.\n")
    compared, copied = [case.summary() for case in others], [case.summary() for case in memory]
    print(table("| | gdpeer | msgspec | ratio | spread |", compared, time_of), end="\n\n")
    print(table("| 40,000 bytes of packed floats | gdpeer | copy | time ratio | spread |", copied, speed_of))
    if options.json:
        figures = {"about": head, "rounds": rounds, "msgspec": compared, "memory": copied}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
