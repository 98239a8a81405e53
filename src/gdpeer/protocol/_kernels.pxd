# The inner loops of the wire format in C. Used by the compiled form of frames.py only; the uncompiled form has its
# own way to do the same, and one test suite runs against both.

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from libc.string cimport memcpy

cdef extern from "Python.h":
    ctypedef struct PyByteArrayObject:
        Py_ssize_t ob_alloc


cdef inline void xor_copy(unsigned char* target, const unsigned char* source, Py_ssize_t length,
                          const unsigned char* key, Py_ssize_t phase) noexcept nogil:
    # target may be source. The key is repeated from key[phase & 3] on; 32 bytes a step let the compiler use vectors.
    cdef unsigned char pattern[8]
    cdef unsigned long long mask, a, b, c, d
    cdef Py_ssize_t i = 0
    for i in range(8):
        pattern[i] = key[(phase + i) & 3]
    memcpy(&mask, pattern, 8)
    i = 0
    while length - i >= 32:
        memcpy(&a, source + i, 8)
        memcpy(&b, source + i + 8, 8)
        memcpy(&c, source + i + 16, 8)
        memcpy(&d, source + i + 24, 8)
        a ^= mask
        b ^= mask
        c ^= mask
        d ^= mask
        memcpy(target + i, &a, 8)
        memcpy(target + i + 8, &b, 8)
        memcpy(target + i + 16, &c, 8)
        memcpy(target + i + 24, &d, 8)
        i += 32
    while i < length:
        target[i] = source[i] ^ pattern[i & 7]
        i += 1


cdef inline int utf8_first(unsigned char byte) noexcept nogil:
    # The state after the first byte of a character (see utf8_run), or -1.
    if byte < 0x80:
        return 0
    if byte < 0xC2:
        return -1
    if byte < 0xE0:
        return 1
    if byte < 0xF0:
        return 4 if byte == 0xE0 else 5 if byte == 0xED else 2
    if byte < 0xF5:
        return 6 if byte == 0xF0 else 7 if byte == 0xF4 else 3
    return -1


cdef inline int utf8_next(int state, unsigned char byte) noexcept nogil:
    # The state after a further byte of a character, or -1.
    if byte & 0xC0 != 0x80:
        return -1
    if state <= 3:
        return state - 1
    if state == 4:
        return 1 if byte >= 0xA0 else -1
    if state == 5:
        return 1 if byte < 0xA0 else -1
    if state == 6:
        return 2 if byte >= 0x90 else -1
    return 2 if byte < 0x90 else -1


cdef inline int utf8_run(int state, const unsigned char* data, Py_ssize_t length) noexcept nogil:
    # States: 0 between characters; 1, 2, 3 so many plain continuation bytes to come; 4, 5, 6, 7 after E0, ED, F0, F4,
    # whose second byte has a narrower range (no overlong forms, no surrogates, nothing above U+10FFFF). -1: not UTF-8.
    cdef Py_ssize_t i = 0
    cdef unsigned long long word
    cdef unsigned char byte
    while i < length:
        if state == 0:
            while length - i >= 8:
                memcpy(&word, data + i, 8)
                if word & <unsigned long long>0x8080808080808080:
                    break
                i += 8
            while i < length and data[i] < 0x80:
                i += 1
            if i == length:
                return 0
            byte = data[i]
            # The common three-byte character, whole.
            if length - i >= 3 and byte & 0xF0 == 0xE0 and byte != 0xE0 and byte != 0xED:
                if data[i + 1] & 0xC0 != 0x80 or data[i + 2] & 0xC0 != 0x80:
                    return -1
                i += 3
                continue
            state = utf8_first(byte)
        else:
            state = utf8_next(state, data[i])
        if state < 0:
            return -1
        i += 1
    return state


cdef inline Py_ssize_t write_head(unsigned char* target, int first, Py_ssize_t length, int bit) noexcept nogil:
    # A frame's head without the key, of at most 10 bytes; bit is 0x80 where a key follows.
    cdef int i
    target[0] = <unsigned char> first
    if length < 126:
        target[1] = <unsigned char> (bit | length)
        return 2
    if length < 65536:
        target[1] = <unsigned char> (bit | 126)
        target[2] = <unsigned char> (length >> 8)
        target[3] = <unsigned char> length
        return 4
    target[1] = <unsigned char> (bit | 127)
    for i in range(8):
        target[2 + i] = <unsigned char> (length >> (56 - 8 * i))
    return 10


cdef inline unsigned char* grow(bytearray target, Py_ssize_t more) except NULL:
    # Make target longer, and return where the new bytes go. Doubled, as a bytearray by itself grows by an eighth.
    cdef Py_ssize_t size = PyByteArray_GET_SIZE(target)
    cdef Py_ssize_t wanted = size + more
    if 1 < wanted < 65536 and (<PyByteArrayObject*> target).ob_alloc <= wanted:
        PyByteArray_Resize(target, 2 * wanted - 2)
    PyByteArray_Resize(target, wanted)
    return <unsigned char*> PyByteArray_AS_STRING(target) + size
