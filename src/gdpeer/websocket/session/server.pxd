# C types of server.py (Cython's pure-Python mode).
cimport cython

from gdpeer.packet_session cimport PacketBlock, PacketSession
from gdpeer.protocol.outbox cimport encode_messages
from gdpeer.signals cimport Signal
from gdpeer.websocket.session.dialects cimport Dialect
from gdpeer.websocket._peer cimport PeerBase, backend_of, send_to_all, waiting_of
from gdpeer.websocket.backend.base cimport Backend, Turn

cdef object _OK, _NO_ROOM
cdef int _SERVER, _DISCONNECTED, _CONNECTING, _CONNECTED
cdef Py_ssize_t _MANY_TAKEN


cdef class Session(PacketSession):
    cdef public object unique_id
    cdef public bint is_ready
    cdef public bint is_over
    cdef public bint has_news
    cdef public object on_news
    cdef public object relay_filter
    cdef list _queue
    cdef Py_ssize_t _first
    cdef readonly object _news
    cdef Signal _told
    cdef bint _is_handling
    cdef object _lost

    cpdef Turn _turn(self)
    cpdef _poll(self, double timeout)
    cpdef put(self, target, buffer)
    cpdef Py_ssize_t count(self)
    @cython.locals(peer=PeerBase, header_size=Py_ssize_t, message=bytes)
    cpdef bytes take(self)
    @cython.locals(queue=list, first=Py_ssize_t, waiting=tuple)
    cdef tuple _pop(self)
    cdef tuple _next(self)
    cdef _offer(self, PeerBase peer, source, target, Dialect dialect)
    cpdef tell(self)


cdef class ServerSession(Session):
    cdef object _server
    cdef object _dialect_of
    cdef dict _members
    cdef list _leaving
    cdef set _away
    cdef public object holds
    cdef public object sieve

    @cython.locals(backend=Backend, peer=PeerBase, message=bytes, member=tuple, dialect=Dialect)
    cpdef receive(self, connection)
    cdef _pass_on(self, peer_id, Dialect dialect, bytes message)
    cdef bint _relay(self, source, target, Dialect dialect, bytes message) except -1
    @cython.locals(member=tuple)
    cpdef put(self, target, buffer)
    @cython.locals(member=tuple, payload=bytes, dialect=Dialect)
    cpdef put_from(self, source, peer_ids, buffer)
    @cython.locals(members=dict)
    cdef _spread(self, peer_ids, bytes message)
    @cython.locals(member=tuple, peer=PeerBase, dialect=Dialect)
    cpdef bint put_whole(self, peer_id, PacketBlock block) except -1
    @cython.locals(member=tuple)
    cpdef Py_ssize_t waiting(self, peer_id) except -1
    cpdef set slow_among(self, peer_ids)
    @cython.locals(peer=PeerBase, dialect=Dialect)
    cdef _send(self, tuple member, source, target, bytes payload)
