"""Shared by the client programs: arguments, the payload, the timed loop, the report."""

import argparse
import json
import os
import time

MAX_SIZE = 64 * 1024 * 1024
WARMUP = 0.2
STRIDE = 16  # round trips between two readings of the clock


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--seconds", type=float, default=1.0)
    p.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    a = p.parse_args()
    a.url = f"ws://127.0.0.1:{a.port}/"
    a.payload = os.urandom(a.size)
    a.stride = STRIDE if a.size < 16384 else 2
    return a


def run(main, loop):
    import asyncio

    if loop == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)


def report(count, secs, cpu):
    print(
        json.dumps(
            {
                "count": count,
                "secs": secs,
                "per_s": count / secs,
                "cpu_us_per_op": cpu / max(count, 1) * 1e6,
                "errors": 0,
            }
        )
    )


def timed(round_trip, args):
    """Calls round_trip(payload), which returns the reply, for the given time."""
    payload, clock = args.payload, time.perf_counter
    for seconds, last in ((WARMUP, False), (args.seconds, True)):
        count, t0, c0 = 0, clock(), time.process_time()
        end = t0 + seconds
        while (now := clock()) < end:
            for _ in range(args.stride):
                if round_trip(payload) != payload:
                    raise SystemExit("wrong reply")
            count += args.stride
        if last:
            report(count, now - t0, time.process_time() - c0)


async def timed_async(round_trip, args):
    payload, clock = args.payload, time.perf_counter
    for seconds, last in ((WARMUP, False), (args.seconds, True)):
        count, t0, c0 = 0, clock(), time.process_time()
        end = t0 + seconds
        while (now := clock()) < end:
            for _ in range(args.stride):
                if await round_trip(payload) != payload:
                    raise SystemExit("wrong reply")
            count += args.stride
        if last:
            report(count, now - t0, time.process_time() - c0)
