"""Streams and sockets whose n-th call fails, counted over a whole session."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import Address, Ready, Stream


class Fault:
    """The n-th step raises; so does, `for_good`, each one after it.

    Attributes:
        calls: steps so far; it was reached once they are `at` or more.
    """

    def __init__(self, at: int, make: Callable[[], Exception]) -> None:
        self.at = at
        self.calls = 0
        self._make = make

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise self._make()

    @property
    def was_reached(self) -> bool:
        return self.calls >= self.at


class FaultyStream(Stream):
    """Another stream, but for the fault."""

    def __init__(self, inner: Stream, fault: Fault) -> None:
        self._inner = inner
        self._fault = fault

    def receive_into(self, buffer: Any) -> int:
        self._fault.step()
        return self._inner.receive_into(buffer)

    def send(self, chunks: Sequence[Any]) -> int:
        self._fault.step()
        return self._inner.send(chunks)

    def close_write(self) -> None:
        self._fault.step()
        self._inner.close_write()

    def attach(self, poller: Poller, ready: Ready) -> None:
        self._inner.attach(poller, ready)

    def detach(self) -> None:
        self._inner.detach()

    def close(self) -> None:
        self._inner.close()

    def want_read(self, wanted: bool) -> None:
        self._inner.want_read(wanted)

    def want_write(self, wanted: bool) -> None:
        self._inner.want_write(wanted)

    def has_pending(self) -> bool:
        return self._inner.has_pending()

    def set_no_delay(self, enabled: bool) -> None:
        self._inner.set_no_delay(enabled)

    @property
    def is_secure(self) -> bool:
        return self._inner.is_secure

    @property
    def remote_address(self) -> Address:
        return self._inner.remote_address

    @property
    def local_address(self) -> Address:
        return self._inner.local_address


class FaultyTls(ssl.SSLSocket):
    """Python's socket, but for the fault of the session that runs: a context's `sslsocket_class`."""

    fault = Fault(0, OSError)

    def do_handshake(self, block: bool = False) -> None:
        self.fault.step()
        super().do_handshake(block)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self.fault.step()
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self.fault.step()
        return super().send(data, flags)

    def unwrap(self) -> Any:
        self.fault.step()
        return super().unwrap()


class FaultyAccept:
    """A listening socket, but for the fault."""

    def __init__(self, inner: Any, fault: Fault) -> None:
        self._inner = inner
        self._fault = fault

    def accept(self) -> Any:
        self._fault.step()
        return self._inner.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
