"""websockets: the sans-I/O ServerProtocol over selectors (poll-driven, one thread)."""

import selectors
import socket

from _common import MAX_SIZE, arguments
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

members = set()
sel = selectors.DefaultSelector()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.ws = ServerProtocol(max_size=MAX_SIZE)
        self.out = bytearray()
        self.fanout = False
        self.parts = None
        self.opcode = None

    def flush(self):
        chunks = self.ws.data_to_send()
        if chunks:
            end = chunks[-1] == b""
            self.out += b"".join(chunks)
        else:
            end = False
        if self.out:
            try:
                del self.out[: self.sock.send(self.out)]
            except BlockingIOError:
                pass
            except OSError:
                return self.drop()
        if end and not self.out:
            return self.drop()
        sel.modify(self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0), self) if bool(
            self.out
        ) != self.waiting else None
        self.waiting = bool(self.out)
        return None

    waiting = False

    def drop(self):
        members.discard(self)
        try:
            sel.unregister(self.sock)
        except (KeyError, ValueError):
            return
        self.sock.close()

    def message(self, opcode, data):
        targets = list(members) if self.fanout else (self,)
        for c in targets:
            if opcode is Opcode.TEXT:
                c.ws.send_text(data)
            else:
                c.ws.send_binary(data)
            if c is not self:
                c.flush()

    def on_events(self, mask):
        if mask & selectors.EVENT_READ:
            try:
                data = self.sock.recv(262144)
            except BlockingIOError:
                return None
            except OSError:
                return self.drop()
            if data:
                self.ws.receive_data(data)
            else:
                self.ws.receive_eof()
                self.flush()
                return self.drop()
            for event in self.ws.events_received():
                if isinstance(event, Request):
                    response = self.ws.accept(event)
                    self.ws.send_response(response)
                    if event.path == "/fanout":
                        self.fanout = True
                        members.add(self)
                elif event.opcode in (Opcode.TEXT, Opcode.BINARY):
                    if event.fin:
                        self.message(event.opcode, event.data)
                    else:
                        self.opcode, self.parts = event.opcode, [event.data]
                elif event.opcode is Opcode.CONT:
                    self.parts.append(event.data)
                    if event.fin:
                        self.message(self.opcode, b"".join(self.parts))
        self.flush()
        return None


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
