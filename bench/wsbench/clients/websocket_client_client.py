"""websocket-client (blocking)."""

import socket

import websocket
from _common import arguments, timed

args = arguments()
ws = websocket.create_connection(
    args.url, sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),), skip_utf8_validation=True
)


def round_trip(payload):
    ws.send_binary(payload)
    return ws.recv()


timed(round_trip, args)
ws.close()
