"""picows: the core client. The next request goes out from the frame callback."""

import asyncio
import time

from _common import MAX_SIZE, WARMUP, arguments, report, run
from picows import WSListener, WSMsgType, ws_connect

args = arguments()
BINARY = WSMsgType.BINARY


class Client(WSListener):
    def on_ws_connected(self, transport):
        self.done = asyncio.get_running_loop().create_future()
        self.count = 0
        self.phase = 0
        self.start(WARMUP)
        transport.send(BINARY, args.payload)

    def start(self, seconds):
        self.count, self.t0, self.c0 = 0, time.perf_counter(), time.process_time()
        self.end = self.t0 + seconds

    def on_ws_frame(self, transport, frame):
        if frame.get_payload_as_bytes() != args.payload:
            self.done.set_exception(SystemExit("wrong reply"))
            return
        self.count += 1
        if self.count % args.stride == 0:
            now = time.perf_counter()
            if now >= self.end:
                if self.phase:
                    report(self.count, now - self.t0, time.process_time() - self.c0)
                    self.done.set_result(None)
                    return
                self.phase = 1
                self.start(args.seconds)
        transport.send(BINARY, args.payload)


async def main():
    transport, client = await ws_connect(Client, args.url, max_frame_size=MAX_SIZE)
    await client.done
    transport.send_close()
    transport.disconnect()


run(main(), args.loop)
