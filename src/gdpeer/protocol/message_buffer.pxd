# C types of message_buffer.py (Cython's pure-Python mode).
cimport cython
from cpython.object cimport PyObject

from gdpeer.protocol.frames cimport Utf8Validator

cdef Py_ssize_t _AT_ONCE, _MOST_AHEAD


@cython.final
cdef class MessageBuffer:
    cdef PyObject* _raw
    cdef readonly Py_ssize_t _capacity
    cdef object _block
    cdef public Py_ssize_t size

    @cython.locals(source=cython.p_uchar)
    cpdef append_unmasked(
        self, bytearray data, Py_ssize_t start, Py_ssize_t length, bytes key, Py_ssize_t phase, Py_ssize_t expected
    )
    cpdef append(self, bytes data)
    cpdef bint is_text(self, Utf8Validator text, Py_ssize_t start) except? -1
    cpdef bytes finish(self)
    @cython.locals(capacity=Py_ssize_t, wanted=Py_ssize_t, target=cython.p_uchar)
    cdef unsigned char* place(self, Py_ssize_t more, Py_ssize_t expected) except NULL
    @cython.locals(added=cython.p_uchar)
    cdef put(self, Py_ssize_t length, bytes key, Py_ssize_t phase)
