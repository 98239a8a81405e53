"""aiohttp: ClientSession.ws_connect."""

import aiohttp
from _common import MAX_SIZE, arguments, run, timed_async

args = arguments()


async def main():
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(args.url, max_msg_size=MAX_SIZE, compress=0) as ws,
    ):

        async def round_trip(payload):
            await ws.send_bytes(payload)
            return (await ws.receive()).data

        await timed_async(round_trip, args)


run(main(), args.loop)
