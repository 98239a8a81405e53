# C types of outbox.py (Cython's pure-Python mode).
cimport cython

from gdpeer.protocol.frames cimport MaskKeys, append_frame, encode_head

cdef int _TEXT, _BINARY, _FIN, _RSV1
cdef Py_ssize_t _OWN_CHUNK, _FULL_CHUNK


@cython.locals(first=int)
cpdef bytes encode_message(bytes payload, bint is_text)
@cython.locals(frames=bytearray)
cpdef bytes encode_messages(list payloads)


@cython.final
cdef class Outbox:
    cdef MaskKeys _keys
    cdef object _deflater
    cdef Py_ssize_t _threshold
    cdef object _only
    cdef list _chunks
    cdef bytearray _gathered
    cdef public bint is_open
    cdef public Py_ssize_t pending
    cdef public Py_ssize_t pending_messages
    cdef public Py_ssize_t pending_control

    @cython.locals(first=int)
    cpdef send_message(self, bytes payload, bint is_text)
    cpdef compress(self, object deflater, Py_ssize_t threshold)
    cpdef send_encoded(self, bytes frames, Py_ssize_t count=*)
    cpdef send_raw(self, bytes frame)
    cpdef bint can_share(self)
    cpdef send_control(self, int opcode, bytes payload)
    cpdef data_to_send(self)
    cpdef data_sent(self, Py_ssize_t length)
    @cython.locals(chunks=list, done=Py_ssize_t)
    cdef list _rest_after(self, Py_ssize_t length)
    @cython.locals(keys=MaskKeys, key=bytes, target=bytearray, before=Py_ssize_t)
    cdef _frame(self, int first, bytes payload)
    cdef bytearray _gather(self, Py_ssize_t more)
    cdef _add_chunk(self, bytes chunk)
    cdef _append(self, object chunk)
