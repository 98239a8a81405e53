"""Shared by the peer servers: the arguments and the choice of event loop."""

import argparse
import asyncio

MAX_SIZE = 64 * 1024 * 1024


def arguments(**extra):
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    for name, default in extra.items():
        p.add_argument("--" + name, default=default)
    return p.parse_args()


def run(main, loop):
    if loop == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
