# C types of connection.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.frames cimport is_utf8
from gdpeer.protocol.inbox cimport Inbox
from gdpeer.protocol.outbox cimport Outbox

cdef int PHASE_OPEN, PHASE_CLOSING, PHASE_CLOSED, _CLOSE, _PING, _PONG


@cython.final
cdef class Connection:
    cdef bint _is_client
    cdef object _limits
    cdef bytearray _rest
    cdef Py_ssize_t _rest_at
    cdef bytes _owed_pong
    cdef object _held
    cdef public Inbox inbox
    cdef public Outbox outbox
    cdef public int phase
    cdef public int close_code
    cdef public str close_reason
    cdef public bint close_received
    cdef public bint closed_by_remote
    cdef public object failure
    cdef public Py_ssize_t pongs
    cdef public bytes last_pong
    cdef public object on_control

    cpdef compress(self, object agreement, object threshold=*)
    @cython.locals(rest=bytearray, at=Py_ssize_t)
    cpdef receive_data(self, bytearray data, Py_ssize_t length)
    cpdef Py_ssize_t wanted(self)
    cdef unsigned char* place(self, Py_ssize_t length) except? NULL
    cdef put(self, Py_ssize_t length)
    cpdef resume(self)
    cpdef receive_eof(self)
    cpdef bint is_held(self)
    cpdef bint settle(self)
    cdef Py_ssize_t _parse(self, bytearray data, Py_ssize_t at, Py_ssize_t end) except -1
    cdef _control(self, int opcode, bytes payload)
    cdef _answer_ping(self, bytes payload)
    cdef _go_to(self, int phase)
    cdef _hold(self, object end)
    cdef _hold_no_memory(self)
    cdef _end(self, object end)
    cdef _take_close(self, bytes payload)
    cdef _fail(self, object failure)
    cpdef send_message(self, bytes payload, bint is_text)
    cpdef send_ping(self, bytes payload)
    cpdef pass_control(self, int opcode, bytes payload)
    cpdef send_close(self, int code, str reason)
    cpdef data_sent(self, Py_ssize_t length)
