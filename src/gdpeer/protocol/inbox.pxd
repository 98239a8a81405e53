# C types of inbox.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.message_buffer cimport MessageBuffer
from gdpeer.protocol.frames cimport Utf8Validator, append_unmasked, is_utf8, unmask

cdef int _CONTINUATION, _TEXT, _BINARY, _PONG, _FIN, _RSV1
cdef Py_ssize_t _MANY_TAKEN, _LEAST_IN_PLACE, _MOST_IN_PLACE, _UNLIMITED, _LONGEST_TO_SHIFT


@cython.final
cdef class Inbox:
    cdef bint _is_client
    cdef Py_ssize_t _max_message_size
    cdef Py_ssize_t _max_queued_bytes
    cdef Py_ssize_t _max_queued_packets
    cdef Py_ssize_t _max_fragments
    cdef public object inflater
    cdef bytes _oldest
    cdef bint _oldest_is_text
    cdef list _others
    cdef list _kinds
    cdef Py_ssize_t _first
    cdef public Py_ssize_t count
    cdef public Py_ssize_t queued_bytes
    cdef public Py_ssize_t received
    cdef public bint was_text
    cdef public int opcode
    cdef public bytes payload
    cdef Py_ssize_t _left
    cdef Py_ssize_t _phase
    cdef bytes _key
    cdef bint _is_final
    cdef int _kind
    cdef bint _compressed
    cdef Py_ssize_t _fragments
    cdef MessageBuffer _message
    cdef Utf8Validator _text

    cpdef use(self, object limits)
    cpdef bint is_full(self)
    cpdef bytes next_packet(self)
    @cython.locals(others=list, kinds=list, at=Py_ssize_t)
    cdef _move_up(self)
    cpdef bytes peek(self, Py_ssize_t index)
    @cython.locals(was_text=bint, size=Py_ssize_t)
    cpdef discard(self, Py_ssize_t index)
    @cython.locals(begun=Py_ssize_t)
    cpdef Py_ssize_t parse(self, bytearray data, Py_ssize_t at, Py_ssize_t end) except -1
    @cython.locals(first=int, second=int, length=Py_ssize_t, head=Py_ssize_t, body=Py_ssize_t)
    cdef Py_ssize_t _begin_frame(self, bytearray data, Py_ssize_t at, Py_ssize_t end) except -1
    @cython.locals(opcode=int)
    cdef _check_head(self, int first, int second)
    @cython.locals(length=Py_ssize_t, i=Py_ssize_t)
    cdef Py_ssize_t _read_length(self, bytearray data, Py_ssize_t at, Py_ssize_t end) except -1
    @cython.locals(before=Py_ssize_t)
    cdef _begin_data(self, int first, Py_ssize_t length)
    cdef _too_big(self, object before, object length)
    @cython.locals(length=Py_ssize_t, message=MessageBuffer, before=Py_ssize_t)
    cdef Py_ssize_t _continue_frame(self, bytearray data, Py_ssize_t at, Py_ssize_t end) except -1
    cdef MessageBuffer _take_message(self)
    cdef _advance(self, MessageBuffer message, Py_ssize_t before, Py_ssize_t length)
    cpdef Py_ssize_t wanted(self)
    cdef unsigned char* place(self, Py_ssize_t length) except NULL
    @cython.locals(message=MessageBuffer, before=Py_ssize_t)
    cdef put(self, Py_ssize_t length)
    cdef _inflate(self, MessageBuffer message, bytearray data, Py_ssize_t at, Py_ssize_t length)
    cdef _check_text(self, MessageBuffer message, Py_ssize_t before)
    cdef _not_utf8(self)
    @cython.locals(before=Py_ssize_t)
    cdef _end_message(self, MessageBuffer message)
    cdef _push(self, bytes packet)
    cpdef add(self, bytes packet, bint is_text)
    cdef _queue(self, bytes packet)
