# Writes the packets of frames.py in C. Used by its compiled form only. The uncompiled form does the same in Python; one
# test suite runs against both.

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from gdpeer.variant.binary._kernels cimport store32


cdef inline unsigned char* place(bytearray data, Py_ssize_t at, Py_ssize_t size) except NULL:
    # Returns where to write `size` bytes at an index, which is at most the length. Twice as long where it is too short.
    if data is None:
        raise TypeError("data is None")
    if size > PyByteArray_GET_SIZE(data) - at:
        PyByteArray_Resize(data, 2 * (at + size))
    return <unsigned char*> PyByteArray_AS_STRING(data) + at


cdef inline Py_ssize_t put_bytes(bytearray data, Py_ssize_t at, bytes piece) except -1:
    # Writes a piece at an index; this and the next function return the next index.
    cdef Py_ssize_t size = len(piece)
    memcpy(place(data, at, size), PyBytes_AS_STRING(piece), size)
    return at + size


cdef inline Py_ssize_t put_values(bytearray data, Py_ssize_t at, unsigned int number, bytes values) except -1:
    # Writes a number, the size of the values, and the values.
    cdef Py_ssize_t size = len(values)
    cdef unsigned char* to = place(data, at, 8 + size)
    store32(to, number)
    store32(to + 4, <unsigned int> size)
    memcpy(to + 8, PyBytes_AS_STRING(values), size)
    return at + 8 + size


cdef inline bytes first_bytes(bytearray data, Py_ssize_t size):
    # Returns a copy of the first bytes; there must be as many.
    if data is None:
        raise TypeError("data is None")
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(data), size)
