"""wsproto (sans-I/O) over a blocking socket."""

import socket

from _common import arguments, timed
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request

args = arguments()
sock = socket.create_connection(("127.0.0.1", args.port))
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
ws = WSConnection(ConnectionType.CLIENT)
sock.sendall(ws.send(Request(host=f"127.0.0.1:{args.port}", target="/")))
ready = False
while not ready:
    ws.receive_data(sock.recv(65536))
    ready = any(isinstance(e, AcceptConnection) for e in ws.events())


def round_trip(payload):
    sock.sendall(ws.send(BytesMessage(data=payload)))
    parts = []
    while True:
        ws.receive_data(sock.recv(262144))
        for event in ws.events():
            parts.append(event.data)
            if event.message_finished:
                return parts[0] if len(parts) == 1 else b"".join(parts)


timed(round_trip, args)
sock.sendall(ws.send(CloseConnection(code=1000)))
sock.close()
