# Writes the packets of frames.py in C. Used by its compiled form only. The uncompiled form does the same in Python; one
# test suite runs against both.

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.string cimport memcpy

from gdpeer.multiplayer.replication.outgoing cimport Outgoing
from gdpeer.variant.binary._kernels cimport store32

cdef extern from *:
    """
    #ifdef __GNUC__
    #define gdpeer_prefetch(at) __builtin_prefetch(at)
    #else
    #define gdpeer_prefetch(at) ((void)(at))
    #endif
    #define gdpeer_items(list) ((void*)((PyListObject*)(list))->ob_item)
    """
    const void* gdpeer_items(void* items) noexcept
    void gdpeer_prefetch(const void* at) noexcept
    const Py_ssize_t LINE "64"
    const Py_ssize_t FAR "12"
    const Py_ssize_t NEAR "8"
    const Py_ssize_t NEXT "4"


cdef inline void look_ahead(list outs, Py_ssize_t index) noexcept:
    # Has the processor fetch the synchronizers that the frame looks at soon: first the objects themselves, later what
    # they refer to. With 1,000 of them the frame takes a tenth less time. `outs` is not None, and holds nothing else.
    cdef const char* out
    if index + FAR < PyList_GET_SIZE(outs):
        out = <const char*> PyList_GET_ITEM(outs, index + FAR)
        gdpeer_prefetch(out)
        gdpeer_prefetch(out + LINE)
        gdpeer_prefetch(out + 2 * LINE)
        gdpeer_prefetch(out + 3 * LINE)
        gdpeer_prefetch(out + 4 * LINE)
        fetch_parts(<Outgoing> PyList_GET_ITEM(outs, index + NEAR))
        fetch_items(<Outgoing> PyList_GET_ITEM(outs, index + NEXT))


cdef inline void fetch_parts(Outgoing out) noexcept:
    gdpeer_prefetch(<char*> <void*> out.payload)
    gdpeer_prefetch(<char*> <void*> out.payload + LINE)
    gdpeer_prefetch(<void*> out.bundles)


cdef inline void fetch_items(Outgoing out) noexcept:
    if out.bundles is not None:
        gdpeer_prefetch(gdpeer_items(<void*> out.bundles))


cdef inline unsigned char* reach(bytearray data, Py_ssize_t size) except NULL:
    # Makes data twice as long where it is shorter than `size`; returns its address, which is good until the next call.
    if data is None:
        raise TypeError("data is None")
    if size > PyByteArray_GET_SIZE(data):
        PyByteArray_Resize(data, 2 * size)
    return <unsigned char*> PyByteArray_AS_STRING(data)


cdef inline void put_bytes(unsigned char* to, bytes piece) noexcept:
    memcpy(to, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))


cdef inline void put_values(unsigned char* to, unsigned int number, bytes values) noexcept:
    # Writes a number, the size of the values, and the values. The caller has asked for their length, and so for None.
    store32(to, number)
    store32(to + 4, <unsigned int> PyBytes_GET_SIZE(values))
    put_short(to + 8, PyBytes_AS_STRING(values), PyBytes_GET_SIZE(values))


cdef inline void put_short(unsigned char* to, const char* piece, Py_ssize_t size) noexcept:
    # Copies without a call where the size is the usual one: two moves that may overlap.
    if 16 <= size <= 32:
        memcpy(to, piece, 16)
        memcpy(to + size - 16, piece + size - 16, 16)
    else:
        memcpy(to, piece, size)


cdef inline bytes first_bytes(bytearray data, Py_ssize_t size):
    # Returns a copy of the first bytes; there must be as many.
    if data is None:
        raise TypeError("data is None")
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(data), size)
