"""websockets: the threading client."""

from _common import MAX_SIZE, arguments, timed
from websockets.sync.client import connect

args = arguments()
with connect(args.url, compression=None, max_size=MAX_SIZE, ping_interval=None, proxy=None) as ws:
    send, recv = ws.send, ws.recv

    def round_trip(payload):
        send(payload)
        return recv()

    timed(round_trip, args)
