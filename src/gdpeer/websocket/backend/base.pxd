# C types of base.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.connection cimport Connection
from gdpeer.protocol.inbox cimport Inbox
from gdpeer.protocol.outbox cimport Outbox
from gdpeer.transport.stream cimport Stream

cdef int _READ, _IDLE, _CONNECTING, _OPEN, _DONE, _CLOSING_PHASE, _READS_A_TURN

cdef object _OK, _FAILED, _NO_ROOM


@cython.final
cdef class RoundTrip:
    cdef public double latency
    cdef public bint is_waiting
    cdef bytes _token
    cdef double _sent
    cdef Py_ssize_t _pongs

    cpdef begin(self, bytes token, double now)
    cpdef end(self, Py_ssize_t pongs, bytes payload, double now)


@cython.final
cdef class Turn:
    cdef public object poller
    cdef public object log_limits
    cdef public bint active
    cdef public bint defers
    cdef public list touched
    cdef list _unsent

    cpdef touch(self, BackendBase backend)
    @cython.locals(touched=list, backend=BackendBase)
    cpdef list take_touched(self)
    cpdef gather(self, BackendBase backend)
    @cython.locals(unsent=list, backend=BackendBase, done=Py_ssize_t)
    cpdef flush(self)


cdef class BackendBase:
    cdef object __weakref__
    cdef public object settings
    cdef Py_ssize_t _outbound_limit
    cdef Py_ssize_t _most_packets
    cdef object _clock
    cdef Turn _turn
    cdef public int stage
    cdef public Stream stream
    cdef public Outbox outbox
    cdef public Connection connection
    cdef public RoundTrip round_trip
    cdef public object rate_limit
    cdef public object refusals
    cdef public long long bytes_received, bytes_sent, messages_sent, refused_sends
    cdef public bint paused
    cdef bint _waits_to_send
    cdef bint _reads_soon
    cdef public object message_log
    cdef public bint was_refused
    cdef bint _told_limit
    cdef public bint is_touched
    cdef public bint is_gathered

    cpdef use(self, object settings)
    cpdef ready(self, int events)
    cpdef _receive(self, bytearray buffer, Py_ssize_t count)
    cpdef _look_at(self, Connection connection)
    cpdef _end_of_stream(self)
    cpdef _drained(self)
    cpdef _lose(self, object problem)
    cpdef _end_slow(self)
    @cython.locals(buffer=bytearray, count=Py_ssize_t, reads=int, room=Py_ssize_t)
    cpdef _read(self)
    @cython.locals(connection=Connection, target=cython.p_uchar, count=Py_ssize_t)
    cdef Py_ssize_t _receive_in_place(self, Py_ssize_t room) except? -2
    cdef _read_soon(self)
    cpdef _read_on(self)
    @cython.locals(inbox=Inbox)
    cpdef make_room(self)
    @cython.locals(connection=Connection)
    cpdef _unpause(self)
    cdef _want_read(self, bint wanted)
    cpdef bint _is_in_debt(self, object rate_limit) except -1
    cpdef bint is_open(self)
    cpdef bint is_closing(self)
    @cython.locals(outbox=Outbox)
    cpdef object send(self, bytes payload, bint is_text, bytes frame=*, Py_ssize_t reserve=*)
    @cython.locals(outbox=Outbox)
    cdef bint _has_room(self, Py_ssize_t size, Py_ssize_t reserve) except -1
    @cython.locals(limit=Py_ssize_t)
    cpdef object _refuse(self, Py_ssize_t size)
    cpdef _tell_limit(self, Py_ssize_t size)
    @cython.locals(outbox=Outbox)
    cdef bint _fits(self, Py_ssize_t size, Py_ssize_t reserve)
    cpdef ping(self, bytes payload)
    cpdef _flush_soon(self)
    @cython.locals(stream=Stream, outbox=Outbox, taken=Py_ssize_t)
    cpdef flush(self)
    @cython.locals(outbox=Outbox)
    cpdef bint has_drained(self)
    cpdef _lose_sending(self, object problem)
