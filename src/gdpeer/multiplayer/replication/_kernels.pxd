# Writes the elements of SYNC packets in C. Used by the compiled form of frames.py only. The uncompiled form does the
# same in Python; one test suite runs against both.

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from gdpeer.variant.binary._kernels cimport store32


cdef inline bytes sync_element(unsigned int number, bytes payload):
    # Returns an element: the number, the size of the payload, and the payload.
    if payload is None:
        raise TypeError("the payload is None")
    cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
    cdef bytes element = PyBytes_FromStringAndSize(NULL, 8 + size)
    cdef unsigned char* at = <unsigned char*> PyBytes_AS_STRING(element)
    store32(at, number)
    store32(at + 4, <unsigned int> size)
    memcpy(at + 8, PyBytes_AS_STRING(payload), size)
    return element


cdef inline int put_bytes(bytearray data, Py_ssize_t at, bytes piece) except -1:
    # Writes a piece at an index, which is at most the length; makes the data twice as long where it is too short.
    if data is None or piece is None:
        raise TypeError("data or piece is None")
    cdef Py_ssize_t size = PyBytes_GET_SIZE(piece)
    if size > PyByteArray_GET_SIZE(data) - at:
        PyByteArray_Resize(data, 2 * (at + size))
    memcpy(PyByteArray_AS_STRING(data) + at, PyBytes_AS_STRING(piece), size)
    return 0


cdef inline bytes first_bytes(bytearray data, Py_ssize_t size):
    # Returns a copy of the first bytes; there must be as many.
    if data is None:
        raise TypeError("data is None")
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(data), size)
