# C types of native.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.connection cimport Connection
from gdpeer.protocol.inbox cimport Inbox
from gdpeer.transport.stream cimport Stream
from gdpeer.websocket.backend.deadline cimport Deadline
from gdpeer.websocket.backend.base cimport BackendBase, RoundTrip

cdef int _CONNECTING, _UPGRADING, _OPEN, _PARTING, _LINGERING, _DONE, _CLOSED_PHASE, _READ, _WRITE
cdef Py_ssize_t _LINGER_BYTES
cdef int _PIECES_A_TURN
cdef object _NO_END


cdef class NativeBackend(BackendBase):
    cdef public object peer_id
    cdef public object port
    cdef public object upgrade
    cdef public bint is_client
    cdef public object opened
    cdef object _connector
    cdef public object cause
    cdef public int close_code
    cdef public str close_reason
    cdef public Deadline deadline
    cdef bint _shut
    cdef Py_ssize_t _linger_bytes
    cdef object _page
    cdef public Py_ssize_t announced
    cdef long _process

    cpdef start(self, object stream)
    cpdef attach(self)
    cdef _advance(self)
    cdef _take_stream(self, object stream)
    cdef _upgrade(self, bytes data)
    cdef _take_outcome(self, object outcome)
    cdef _go_elsewhere(self, object make_connector)
    cpdef go_on(self)
    cdef _send_raw(self, bytes data)
    cpdef step(self)
    cpdef ready(self, int events)
    cpdef _receive(self, bytearray buffer, Py_ssize_t count)
    @cython.locals(trip=RoundTrip)
    cpdef _look_at(self, Connection connection)
    cdef bint _is_too_fast(self) except -1
    cpdef _end_slow(self)
    cpdef bytes newest(self)
    cpdef discard_newest(self)
    @cython.locals(inbox=Inbox)
    cdef Py_ssize_t _newest_at(self)
    cpdef bint has_news(self)
    cpdef settle(self)
    cpdef _settle(self)
    cpdef close(self, int code, str reason)
    cpdef double say_goodbye(self, int code, str reason) except? -7
    cpdef leave(self)
    cpdef abort(self, str detail, object cause=*)
    cpdef _end_of_stream(self)
    cdef _end_of_connection(self, Connection connection)
    cpdef _lose(self, object problem)
    cdef _end(self, int code, str reason, object cause)
    cdef _linger(self)
    cdef _part(self, int stage, double seconds)
    cpdef _drained(self)
    cdef _finish(self)
    cpdef let_go(self)
    cdef _end_lingering(self)
    cdef str _hint(self)
    cdef bint _has_more_page(self) except -1
    cdef bint _send_page(self, object page) except -1
    cpdef restart_heartbeat(self)
    cdef _heartbeat(self)
