"""Shared by the servers of sans-I/O libraries: one thread waits with a selector and serves all connections."""

import selectors
import socket

members = set()
"""The connections on the path `/fanout`."""

sel = selectors.DefaultSelector()


class Connection:
    """One client. Subclasses have `receive(data)`, which puts the answers into `out`; `data` is empty at the end."""

    def __init__(self, sock):
        self.sock = sock
        self.out = bytearray()
        self.fanout = self.closing = self.waiting = False

    def flush(self):
        """Sends `out` as far as the kernel takes it, and drops a closing connection when all is sent."""
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

    def join(self):
        self.fanout = True
        members.add(self)

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
            self.receive(data)
            if not data:
                return self.drop()
        self.flush()
        return None


def serve(port, make):
    """Accepts clients for ever; `make` makes a `Connection` of each socket."""
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
                sel.register(sock, selectors.EVENT_READ, make(sock))
