"""All share a counter and see who is there. After `example/quick/counter.py` of websockets."""

import asyncio
import json

from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve

USERS = set()
STATE = {"value": 0}


def users_event():
    return json.dumps({"type": "users", "count": len(USERS)})


def value_event():
    return json.dumps({"type": "value", "value": STATE["value"]})


async def counter(ws):
    USERS.add(ws)
    try:
        broadcast(USERS, users_event())
        await ws.send(value_event())
        async for message in ws:
            STATE["value"] += {"plus": 1, "minus": -1}.get(json.loads(message)["action"], 0)
            broadcast(USERS, value_event())
    finally:
        USERS.discard(ws)
        broadcast(USERS, users_event())


async def count(url, actions, until):
    """Does something, and listens until the counter stands there."""
    async with connect(url) as ws:
        for action in actions:
            await ws.send(json.dumps({"action": action}))
        async for message in ws:
            if json.loads(message) == {"type": "value", "value": until}:
                return until
    return None


def start(port=6789):
    return serve(counter, "127.0.0.1", port)


async def main():
    async with start() as server:
        print(await count("ws://127.0.0.1:6789", ["plus", "plus", "minus"], 1))
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
