# The inner loops of the wire format in C. Used by the compiled form of frames.py only. The uncompiled form does the
# same in Python; one test suite runs against both.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from libc.string cimport memcpy

cdef extern from "Python.h":
    ctypedef struct PyByteArrayObject:
        Py_ssize_t ob_alloc


cdef extern from *:
    """
    /* Checks blocks of bytes from start on, and returns how many bytes it checked (a few at the end are left); -1: the
       bytes are not UTF-8. Reads the 3 bytes before start, which were checked before. The last checked character may
       be incomplete. A byte is wrong if
       - it continues a character and no character has begun, or the reverse: the first byte of a character stands 1, 2
         or 3 bytes before;
       - it is C0, C1, or above F4;
       - it follows E0, ED, F0 or F4 and is outside of the narrower range there. */
    #if defined(__GNUC__)
    #include <string.h>
    #define GDPEER_UTF8_BLOCKS(name, attributes, SIZE)                                                                  \
    attributes static Py_ssize_t name(const unsigned char *data, Py_ssize_t start, Py_ssize_t length) {                 \
        typedef unsigned char block __attribute__((vector_size(SIZE)));                                                 \
        Py_ssize_t at = start;                                                                                          \
        block here, back1, back2, back3, continues, expected, wrong = {0};                                              \
        unsigned long long words[SIZE / 8], any = 0;                                                                    \
        for (; length - at >= SIZE; at += SIZE) {                                                                       \
            memcpy(&here, data + at, SIZE);                                                                             \
            memcpy(&back1, data + at - 1, SIZE);                                                                        \
            memcpy(&back2, data + at - 2, SIZE);                                                                        \
            memcpy(&back3, data + at - 3, SIZE);                                                                        \
            continues = (block)((here & 0xC0) == 0x80);                                                                 \
            expected = (block)(back1 >= 0xC0) | (block)(back2 >= 0xE0) | (block)(back3 >= 0xF0);                        \
            wrong |= continues ^ expected;                                                                              \
            wrong |= (block)((here & 0xFE) == 0xC0) | (block)(here >= 0xF5);                                            \
            wrong |= (block)(back1 == 0xE0) & (block)(here < 0xA0);                                                     \
            wrong |= (block)(back1 == 0xED) & (block)(here >= 0xA0);                                                    \
            wrong |= (block)(back1 == 0xF0) & (block)(here < 0x90);                                                     \
            wrong |= (block)(back1 == 0xF4) & (block)(here >= 0x90);                                                    \
        }                                                                                                               \
        memcpy(words, &wrong, SIZE);                                                                                    \
        for (int i = 0; i < SIZE / 8; i++) any |= words[i];                                                             \
        return any ? -1 : at - start;                                                                                   \
    }
    GDPEER_UTF8_BLOCKS(gdpeer_utf8_narrow, , 16)
    #if defined(__x86_64__)
    GDPEER_UTF8_BLOCKS(gdpeer_utf8_wide, __attribute__((target("avx2"))), 32)
    static Py_ssize_t gdpeer_utf8_blocks(const unsigned char *data, Py_ssize_t start, Py_ssize_t length) {
        return (__builtin_cpu_supports("avx2") ? gdpeer_utf8_wide : gdpeer_utf8_narrow)(data, start, length);
    }
    #else
    #define gdpeer_utf8_blocks gdpeer_utf8_narrow
    #endif
    #else
    static Py_ssize_t gdpeer_utf8_blocks(const unsigned char *data, Py_ssize_t start, Py_ssize_t length) { return 0; }
    #endif
    """
    Py_ssize_t gdpeer_utf8_blocks(const unsigned char* data, Py_ssize_t start, Py_ssize_t length) nogil


cdef inline void xor_copy(unsigned char* target, const unsigned char* source, Py_ssize_t length,
                          const unsigned char* key, Py_ssize_t phase) noexcept nogil:
    # target may be source. The key repeats from key[phase & 3] on. Steps of 32 bytes let the compiler use vectors.
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
    # Returns the state after the first byte of a character (see utf8_run), or -1.
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
    # Returns the state after a further byte of a character, or -1.
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


cdef inline Py_ssize_t utf8_begin(const unsigned char* data, Py_ssize_t end) noexcept nogil:
    # Returns where the last character begins, which may be incomplete; end if it is not within the last 3 bytes.
    cdef Py_ssize_t back
    for back in range(1, 4):
        if data[end - back] >= 0xC0:
            return end - back
    return end


cdef inline int utf8_run(int state, const unsigned char* data, Py_ssize_t length) noexcept nogil:
    # States: 0 between characters; 1, 2, 3: this number of plain continuation bytes must follow; 4, 5, 6, 7: after E0,
    # ED, F0, F4, whose second byte has a narrower range (no overlong forms, no surrogates, nothing above U+10FFFF).
    # -1: not UTF-8. Checks byte by byte, but blocks in the middle of long texts.
    cdef Py_ssize_t i = 0, checked
    cdef bint is_checked = length < 64
    cdef unsigned long long word
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
        if not is_checked and i >= 3:
            is_checked = True
            checked = gdpeer_utf8_blocks(data, i, length)
            if checked < 0:
                return -1
            if checked:
                i = utf8_begin(data, i + checked)
                state = 0
                continue
        state = utf8_first(data[i]) if state == 0 else utf8_next(state, data[i])
        if state < 0:
            return -1
        i += 1
    return state


cdef inline Py_ssize_t write_head(unsigned char* target, int first, Py_ssize_t length, int bit) noexcept nogil:
    # Writes a frame's head without the key, at most 10 bytes; bit is 0x80 if a key follows.
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


cdef inline bytes joined_frames(int first, list payloads):
    # Returns frames without a key, each with the same first byte, in a row.
    cdef unsigned char head[10]
    cdef Py_ssize_t size = 0
    cdef unsigned char* at
    cdef bytes payload, frames
    for payload in payloads:
        size += write_head(head, first, len(payload), 0) + len(payload)
    frames = PyBytes_FromStringAndSize(NULL, size)
    at = <unsigned char*> PyBytes_AS_STRING(frames)
    for payload in payloads:
        at += write_head(at, first, len(payload), 0)
        memcpy(at, PyBytes_AS_STRING(payload), len(payload))
        at += len(payload)
    return frames


cdef inline unsigned char* piece_of(bytearray data, Py_ssize_t start, Py_ssize_t length, Py_ssize_t before) except NULL:
    # Returns the address of `length` bytes at `start`, and checks that they and `before` bytes before them exist.
    if data is None or start < before or length < 0 or length > PyByteArray_GET_SIZE(data) - start:
        raise ValueError(f"no {length} bytes at {start}")
    return <unsigned char*> PyByteArray_AS_STRING(data) + start


cdef inline unsigned char* grow(bytearray target, Py_ssize_t more) except NULL:
    # Makes target longer, returns where the new bytes go. Doubles it: by itself a bytearray grows by an eighth only.
    cdef Py_ssize_t size = len(target)
    cdef Py_ssize_t wanted = size + more
    if 1 < wanted < 65536 and (<PyByteArrayObject*> target).ob_alloc <= wanted:
        PyByteArray_Resize(target, 2 * wanted - 2)
    PyByteArray_Resize(target, wanted)
    return <unsigned char*> PyByteArray_AS_STRING(target) + size
