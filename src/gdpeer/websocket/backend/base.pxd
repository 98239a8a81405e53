# C types of base.py (Cython's pure-Python mode).
cimport cython

from gdpeer.packet_session cimport PacketSession
from gdpeer.protocol.inbox cimport Inbox

cdef int STAGE_IDLE, STAGE_LINGERING
cdef object _CLOSING


@cython.final
cdef class RoundTrip:
    cdef public double latency
    cdef public bint is_waiting
    cdef bytes _token
    cdef double _sent
    cdef Py_ssize_t _pongs


@cython.final
cdef class Turn:
    cdef public object poller
    cdef public object log_limits
    cdef public bint active
    cdef public bint defers
    cdef public list touched
    cdef public Py_ssize_t stalled
    cdef list _unsent

    cpdef touch(self, Backend backend)
    @cython.locals(touched=list, backend=Backend)
    cpdef list take_touched(self)
    cpdef bint is_all_sent(self) except -1
    cpdef gather(self, Backend backend)
    @cython.locals(unsent=list, backend=Backend, done=Py_ssize_t)
    cpdef flush(self)


cdef class Backend:
    cdef object __weakref__
    cdef public object settings
    cdef readonly Py_ssize_t _outbound_limit
    cdef readonly Py_ssize_t _most_packets
    cdef readonly object _clock
    cdef readonly Turn _turn
    cdef public Inbox inbox
    cdef public bint is_client
    cdef public object number
    cdef public object peer_id
    cdef public PacketSession session
    cdef public object port
    cdef public int stage
    cdef public object opened
    cdef public object cause
    cdef public int close_code
    cdef public str close_reason
    cdef public bint closed_by_remote
    cdef public RoundTrip round_trip
    cdef public object refusals
    cdef public Py_ssize_t announced
    cdef public long long bytes_received, bytes_sent, messages_sent, refused_sends, throttled
    cdef public bint paused
    cdef public bint was_refused
    cdef public bint is_touched
    cdef public bint is_gathered
    cdef bint _is_limit_logged

    cpdef bint is_open(self) except -1
    cpdef bint is_closing(self) except -1
    cpdef step(self)
    cpdef object send(self, bytes payload, bint is_text, bytes frame=*, Py_ssize_t reserve=*)
    cpdef flush(self)
    cpdef Py_ssize_t outbound_bytes(self) except -1
    cpdef close(self, int code, str reason)
    cpdef leave(self)
    cpdef make_room(self)
    cpdef bint is_held(self) except -1
    cpdef settle(self)
    cpdef Py_ssize_t outbound_packets(self) except -1
    cpdef bint is_secure(self) except -1
    cpdef bint has_changed(self) except -1
    cpdef bint has_drained(self) except -1
    cpdef bytes newest(self)
    cpdef discard_newest(self)
    cdef Py_ssize_t _newest_at(self)
    @cython.locals(limit=Py_ssize_t)
    cpdef bint _count_refused(self, Py_ssize_t size, Py_ssize_t waiting) except -1
