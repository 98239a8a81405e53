"""websockets: the sans-I/O ServerProtocol over selectors (poll-driven, one thread)."""

import _selecting
from _common import MAX_SIZE, arguments
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol


class Connection(_selecting.Connection):
    def __init__(self, sock):
        super().__init__(sock)
        self.ws = ServerProtocol(max_size=MAX_SIZE)
        self.parts = None
        self.opcode = None

    def flush(self):
        chunks = self.ws.data_to_send()
        if chunks:
            self.closing = chunks[-1] == b""
            self.out += b"".join(chunks)
        return super().flush()

    def message(self, opcode, data):
        targets = list(_selecting.members) if self.fanout else (self,)
        for c in targets:
            if opcode is Opcode.TEXT:
                c.ws.send_text(data)
            else:
                c.ws.send_binary(data)
            if c is not self:
                c.flush()

    def receive(self, data):
        if not data:
            self.ws.receive_eof()
            self.flush()
            return
        self.ws.receive_data(data)
        for event in self.ws.events_received():
            if isinstance(event, Request):
                self.ws.send_response(self.ws.accept(event))
                if event.path == "/fanout":
                    self.join()
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY):
                if event.fin:
                    self.message(event.opcode, event.data)
                else:
                    self.opcode, self.parts = event.opcode, [event.data]
            elif event.opcode is Opcode.CONT:
                self.parts.append(event.data)
                if event.fin:
                    self.message(self.opcode, b"".join(self.parts))


if __name__ == "__main__":
    _selecting.serve(arguments().port, Connection)
