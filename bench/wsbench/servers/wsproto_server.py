"""wsproto (sans-I/O) over selectors (poll-driven, one thread)."""

import selectors
import socket

from _common import arguments
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

members = set()
sel = selectors.DefaultSelector()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.ws = WSConnection(ConnectionType.SERVER)
        self.out = bytearray()
        self.fanout = self.closing = self.waiting = False
        self.parts = []

    def flush(self):
        if self.out:
            try:
                del self.out[: self.sock.send(self.out)]
            except BlockingIOError:
                pass
            except OSError:
                return self.drop()
        if self.closing and not self.out:
            return self.drop()
        if bool(self.out) != self.waiting:
            self.waiting = bool(self.out)
            sel.modify(self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0), self)
        return None

    def drop(self):
        members.discard(self)
        try:
            sel.unregister(self.sock)
        except (KeyError, ValueError):
            return
        self.sock.close()

    def on_events(self, mask):
        if mask & selectors.EVENT_READ:
            try:
                data = self.sock.recv(262144)
            except BlockingIOError:
                return None
            except OSError:
                return self.drop()
            if not data:
                return self.drop()
            try:
                self.ws.receive_data(data)
                self.handle_events()
            except RemoteProtocolError:
                return self.drop()
        self.flush()
        return None

    def handle_events(self):
        for event in self.ws.events():
            kind = type(event)
            if kind is TextMessage or kind is BytesMessage:
                data = event.data
                if not event.message_finished:
                    self.parts.append(data)
                    continue
                if self.parts:
                    self.parts.append(data)
                    data = ("" if kind is TextMessage else b"").join(self.parts)
                    self.parts = []
                if self.fanout:
                    for c in list(members):
                        c.out += c.ws.send(kind(data=data))
                        if c is not self:
                            c.flush()
                else:
                    self.out += self.ws.send(kind(data=data))
            elif kind is Request:
                self.out += self.ws.send(AcceptConnection())
                if event.target == "/fanout":
                    self.fanout = True
                    members.add(self)
            elif kind is CloseConnection:
                self.out += self.ws.send(event.response())
                self.closing = True
            elif kind is Ping:
                self.out += self.ws.send(event.response())


def main(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    sel.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, mask in sel.select():
            if key.data is not None:
                key.data.on_events(mask)
                continue
            while True:
                try:
                    sock, _ = listener.accept()
                except BlockingIOError:
                    break
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sel.register(sock, selectors.EVENT_READ, Connection(sock))


if __name__ == "__main__":
    main(arguments().port)
