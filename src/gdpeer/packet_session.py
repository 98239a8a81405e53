"""`PacketSession`: how packets get out of a session and into it; `SessionHolder`: what the faces of a session share.

The layer above may use a passage instead of the members of the face before it: per packet that is a few calls of
Python less. Where it may, the face says (`SessionHolder._is_direct`).

Layer: below all that has packets; compiled (types in `packet_session.pxd`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Never, TypeAlias

from gdpeer.attributes import refuse_unknown
from gdpeer.errors import Error
from gdpeer.logs import get_logger, log_limited

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.object import PyObject_GenericSetAttr
    from cython.cimports.cpython.unicode import PyUnicode_Check, PyUnicode_READ_CHAR

__all__ = ["GONE_PAST", "PacketSession", "SessionHolder", "has_all"]

logger = get_logger("gdpeer.multiplayer")

Buffer: TypeAlias = "bytes | bytearray | memoryview"

GONE_PAST = frozenset(
    (
        "_handle",
        "get_available_packet_count",
        "get_connection_status",
        "get_packet",
        "get_packet_peer",
        "get_unique_id",
        "is_server",
        "put_packet_to",
    )
)
"""Members of a face that the layer above can do without; for a face where one of them was changed it does not."""

_OK = Error.OK
_UNCONFIGURED = Error.ERR_UNCONFIGURED
_UNAVAILABLE = Error.ERR_UNAVAILABLE
_SERVER = 1  # a C integer once compiled (packet_session.pxd)
_UNDERSCORE = ord("_")  # likewise


class PacketSession:
    """A session, as far as packets go.

    Attributes:
        unique_id: this end's; 0 as long as a client has none.
        is_ready: this end has its id, and packets can be sent.
        is_over: the connection of a client ended.
        relay_filter: a server calls this with the sender and the first byte of a client's packet before it passes
            the packet on to other clients. None: all packets pass.
    """

    __slots__ = ("is_over", "is_ready", "relay_filter", "unique_id")

    def __init__(self) -> None:
        self.relay_filter: Callable[[int, int], bool] | None = None
        self.unique_id = 0
        self.is_ready = False
        self.is_over = False

    def count(self) -> int:
        """How many packets can be taken."""
        raise NotImplementedError

    def source(self) -> int:
        """Who sent the packet that `take` gives next; 0 where there is none."""
        raise NotImplementedError

    def target(self) -> int:
        """Whom the packet that `take` gives next was sent to; this end's id where there is none."""
        raise NotImplementedError

    def take(self) -> bytes | None:
        """The oldest packet; None where there is none."""
        raise NotImplementedError

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Send to each of some; those that are not there are passed over."""
        raise NotImplementedError

    def handle(self, work: Callable[[], object]) -> None:
        """Do what is to be done about the packets of a turn; what is sent meanwhile goes out at the end."""
        raise NotImplementedError


class SessionHolder:
    """A face of a session: it has one, or none, and takes its packets. The other half is `PacketPeer`."""

    if TYPE_CHECKING:
        _session: PacketSession | None
        _packet_error: Error
        _is_direct: bool

    def __init__(self, is_direct: bool = False) -> None:
        """Begin without a session.

        Args:
            is_direct: whether taking, sending and asking by the session itself comes to the same as by the members.
        """
        self._session = None
        self._packet_error = _OK
        self._is_direct = is_direct

    def __setattr__(self, name: str, value: Never) -> None:  # never: else all names are good
        """Who changes one of the members that can be gone past is not gone past: a spy, say."""
        is_past = name in GONE_PAST
        if is_past:
            self._is_direct = False
        if cython.compiled:
            if not is_past and PyUnicode_Check(name) and PyUnicode_READ_CHAR(name, 0) != _UNDERSCORE:
                refuse_unknown(self, name)
            PyObject_GenericSetAttr(self, name, value)
        else:
            if not is_past and name[:1] != "_":
                refuse_unknown(self, name)
            object.__setattr__(self, name, value)

    def get_available_packet_count(self) -> int:
        """How many packets can be read, also after the end of a connection; in plain mode 0."""
        session = self._session
        return 0 if session is None else session.count()

    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none.

        The error is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` where there is no session.
        """
        session = self._session
        packet = None if session is None else session.take()
        if packet is not None:
            self._packet_error = _OK
            return packet
        self._packet_error = _UNCONFIGURED if session is None else _UNAVAILABLE
        return b""

    def next_packet(self) -> bytes:
        """As `get_packet`, where `_is_direct` is set, without asking whether somebody changed how."""
        session = self._session
        packet = None if session is None else session.take()
        if packet is None:
            return self.get_packet()
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return packet

    def get_packet_peer(self) -> int:
        """Who sent the packet that `get_packet` takes next; 1, with a warning, where there is none."""
        session = self._session
        source = 0 if session is None else session.source()
        if source:
            return source
        log_limited(logger, logging.WARNING, "get_packet_peer: no packet is there")
        return _SERVER

    def _handle(self, work: Callable[[], object]) -> None:
        """See `NetworkedMultiplayerPeer`."""
        session = self._session
        if session is None:
            work()
        else:
            session.handle(work)

    def get_unique_id(self) -> int:
        """This end's id; 0 as long as there is none."""
        session = self._session
        return 0 if session is None else session.unique_id


def has_all(kind: type, members: Mapping[str, object]) -> bool:
    """Whether a class has some members just as given."""
    return all(getattr(kind, name) is member for name, member in members.items())
