"""websockets: the sans-I/O ClientProtocol over a blocking socket."""

import socket

from _common import MAX_SIZE, arguments, timed
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

args = arguments()
sock = socket.create_connection(("127.0.0.1", args.port))
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
ws = ClientProtocol(parse_uri(args.url), max_size=MAX_SIZE)
ws.send_request(ws.connect())
sock.sendall(b"".join(ws.data_to_send()))
while not ws.events_received():
    ws.receive_data(sock.recv(65536))


def round_trip(payload):
    ws.send_binary(payload)
    sock.sendall(b"".join(ws.data_to_send()))
    parts = []
    while True:
        ws.receive_data(sock.recv(262144))
        for frame in ws.events_received():
            if frame.opcode in (Opcode.BINARY, Opcode.CONT):
                parts.append(frame.data)
                if frame.fin:
                    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


timed(round_trip, args)
sock.close()
