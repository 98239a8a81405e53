"""wsproto (sans-I/O) over selectors (poll-driven, one thread)."""

import _selecting
from _common import arguments
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import RemoteProtocolError


class Connection(_selecting.Connection):
    def __init__(self, sock):
        super().__init__(sock)
        self.ws = WSConnection(ConnectionType.SERVER)
        self.parts = []

    def receive(self, data):
        if not data:
            return
        try:
            self.ws.receive_data(data)
            self.handle_events()
        except RemoteProtocolError:
            self.closing = True

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
                    for c in list(_selecting.members):
                        c.out += c.ws.send(kind(data=data))
                        if c is not self:
                            c.flush()
                else:
                    self.out += self.ws.send(kind(data=data))
            elif kind is Request:
                self.out += self.ws.send(AcceptConnection())
                if event.target == "/fanout":
                    self.join()
            elif kind is CloseConnection:
                self.out += self.ws.send(event.response())
                self.closing = True
            elif kind is Ping:
                self.out += self.ws.send(event.response())


if __name__ == "__main__":
    _selecting.serve(arguments().port, Connection)
