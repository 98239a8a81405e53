# C types of frames.py (Cython's pure-Python mode).
cimport cython


cpdef bytes encode_head(int first, Py_ssize_t length, bint masked)
@cython.locals(
    head_size=Py_ssize_t,
    key_size=Py_ssize_t,
    length=Py_ssize_t,
    source=cython.p_uchar,
    to=cython.p_uchar,
)
cpdef append_frame(bytearray target, int first, bytes payload, bytes key)
@cython.locals(payload=bytes, source=cython.p_uchar, target=cython.p_uchar)
cpdef bytes unmask(bytearray data, Py_ssize_t start, Py_ssize_t length, Py_ssize_t key_size)
@cython.locals(source=cython.p_uchar)
cpdef append_unmasked(bytearray target, bytearray data, Py_ssize_t start, Py_ssize_t length, bytes key, Py_ssize_t phase)
cpdef bint is_utf8(bytes data)


@cython.final
cdef class Utf8Validator:
    cdef int _state
    cdef object _decoder
    cpdef reset(self)
    cpdef bint feed(self, bytearray data, Py_ssize_t start)
    cdef bint feed_block(self, const unsigned char* data, Py_ssize_t length)
    cpdef bint is_complete(self)


@cython.final
cdef class MaskKeys:
    cdef bytes _block
    cdef Py_ssize_t _at
    cpdef bytes next(self)
