"""picows: its websockets-like client."""

from _common import MAX_SIZE, arguments, run, timed_async
from picows.websockets.asyncio.client import connect

args = arguments()


async def main():
    async with connect(args.url, compression=None, max_size=MAX_SIZE, ping_interval=None) as ws:

        async def round_trip(payload):
            await ws.send(payload)
            return await ws.recv()

        await timed_async(round_trip, args)


run(main(), args.loop)
