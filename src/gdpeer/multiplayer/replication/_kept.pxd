# Keeps the encoded values of a synchronizer's properties ALWAYS beside its marks. Used by the compiled forms of
# _declared.py and outgoing.py only; the uncompiled forms encode all values in each network frame.
#
# A value is encoded when it is assigned: its memory is in the processor's cache then. At the network frame, with many
# nodes, it no longer is, and reading the dictionary, the value and its numbers takes several times as long.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

from gdpeer.variant.binary.compact cimport encode_brief

cdef enum:
    PLACES = 6  # properties; with more of them, nothing is kept
    ROOM = 21  # bytes of an encoded value: enough for 4 numbers and their header

cdef struct kept_values:
    unsigned int known  # bit i: values[i] is right. 0: no network frame has asked, so nothing is encoded
    unsigned char sizes[PLACES]
    unsigned char values[PLACES][ROOM]


cdef inline bint keep(kept_values* kept, Py_ssize_t place, object value) except -1:
    # Encodes a value. False: values of this kind are not kept; then the value before is forgotten.
    cdef int size
    if place >= PLACES:
        return False
    size = encode_brief(kept.values[place], ROOM, value)
    if size:
        kept.sizes[place] = <unsigned char> size
        kept.known |= 1u << place
        return True
    kept.known &= ~(1u << place)
    return False


cdef inline int keep_assigned(kept_values* kept, int index, object value) except -1:
    # Encodes a value that is being assigned, if the other values are kept. `index` is that of `Marks`.
    if index < 0 and kept.known:
        keep(kept, ~index, value)
    return 0


cdef inline int keep_all(kept_values* kept, dict values, tuple names) except -1:
    # Encodes all values, or keeps none if there are too many, or one is of a kind that is not kept.
    cdef Py_ssize_t place
    kept.known = 0
    if len(names) > PLACES:
        return 0
    for place in range(len(names)):
        if not keep(kept, place, values[names[place]]):
            kept.known = 0
            break
    return 0


cdef inline bytes joined(kept_values* kept, Py_ssize_t count, bytes before):
    # Returns `count` values in a row: `before` itself if they are the same; None if not all are kept.
    cdef bytes whole
    cdef char* at
    cdef Py_ssize_t size = 0, place
    if count > PLACES or kept.known != (1u << count) - 1:
        return None
    for place in range(count):
        size += kept.sizes[place]
    if before is not None and PyBytes_GET_SIZE(before) == size and is_joined(kept, count, PyBytes_AS_STRING(before)):
        return before
    whole = PyBytes_FromStringAndSize(NULL, size)
    at = PyBytes_AS_STRING(whole)
    for place in range(count):
        copy_brief(at, kept.values[place], kept.sizes[place])
        at += kept.sizes[place]
    return whole


cdef inline bint is_joined(kept_values* kept, Py_ssize_t count, const char* at) noexcept:
    cdef Py_ssize_t place
    for place in range(count):
        if memcmp(at, kept.values[place], kept.sizes[place]):
            return False
        at += kept.sizes[place]
    return True


cdef inline void copy_brief(char* to, const unsigned char* value, Py_ssize_t size) noexcept:
    # Copies without a call where the size is that of most values: two moves that may overlap.
    if 8 <= size <= 16:
        memcpy(to, value, 8)
        memcpy(to + size - 8, value + size - 8, 8)
    else:
        memcpy(to, value, size)
