# C types of native.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.connection cimport Connection
from gdpeer.protocol.outbox cimport Outbox
from gdpeer.transport.stream cimport Stream
from gdpeer.websocket.backend.base cimport Backend, RoundTrip
from gdpeer.websocket.backend.deadline cimport Deadline

cdef int STAGE_CONNECTING, STAGE_UPGRADING, STAGE_OPEN, STAGE_PARTING, STAGE_LINGERING, STAGE_DONE
cdef int PHASE_CLOSING, PHASE_CLOSED, _READ, _WRITE, _READS_A_TURN
cdef Py_ssize_t _MOST_DROPPED
cdef object _OK, _FAILED, _NO_ROOM, _NO_END, _DONE


cdef class NativeBackend(Backend):
    cdef public Stream stream
    cdef public Connection connection
    cdef public Outbox outbox
    cdef public object upgrade
    cdef public object kept_request
    cdef public Deadline deadline
    cdef object _connector
    cdef object _message_log
    cdef object _rate_limit
    cdef object _page
    cdef bint _waits_to_send
    cdef bint _reads_soon
    cdef bint _is_shut
    cdef Py_ssize_t _dropped
    cdef long _process

    cdef _advance(self)
    cdef _upgrade(self, bytes data)
    cdef _take_outcome(self, object outcome)
    cdef _open(self, object opened, bytes data, object leftover)
    cdef _send_raw(self, bytes data)
    cpdef ready(self, int events)
    @cython.locals(buffer=bytearray, count=Py_ssize_t, reads=int, room=Py_ssize_t)
    cdef _read(self)
    @cython.locals(connection=Connection, stream=Stream, target=cython.p_uchar, count=Py_ssize_t)
    cdef Py_ssize_t _receive_in_place(self, Py_ssize_t room) except? -2
    cdef _receive(self, bytearray buffer, Py_ssize_t count)
    cdef _on_change(self, Connection connection)
    cdef bint _is_too_fast(self) except -1
    cdef bint _is_in_debt(self) except -1
    cdef _unpause(self)
    cdef _want_read(self, bint wanted)
    cdef _read_soon(self)
    cdef bint _has_room(self, Py_ssize_t size, Py_ssize_t reserve, Py_ssize_t count) except -1
    @cython.locals(outbox=Outbox, limit=Py_ssize_t)
    cdef bint _fits(self, Py_ssize_t size, Py_ssize_t reserve, Py_ssize_t count)
    cdef _flush_soon(self)
    @cython.locals(stream=Stream, outbox=Outbox, taken=Py_ssize_t)
    cpdef flush(self)
    cdef _note_wait(self, bint waits)
    cdef _settle(self)
    cdef _end_of_stream(self)
    cdef _end_of_connection(self, Connection connection)
    cdef _lose(self, object problem)
    cdef _end(self, int code, str reason, object cause)
    cdef _part(self, int stage, double seconds)
    cdef _end_sending(self)
    cdef bint _send_page(self, object page) except -1
    cdef _finish(self)
