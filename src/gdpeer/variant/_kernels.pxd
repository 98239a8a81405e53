# Numbers to and from little-endian bytes in C. Used by the compiled form of writer.py and reader.py only; the
# uncompiled form has its own way to do the same, and one test suite runs against both. Compilers make one load or
# store of each.

from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.string cimport memchr, memcpy


cdef extern from *:
    """
    /* As tuple.__new__ allocates for a subclass; from Python 3.14 on a tuple remembers its hash, -1 for not yet. */
    static CYTHON_INLINE PyObject* gdpeer_new_flat(PyObject* cls, Py_ssize_t count) {
        PyObject* flat = ((PyTypeObject*)cls)->tp_alloc((PyTypeObject*)cls, count);
    #if PY_VERSION_HEX >= 0x030E0000
        if (flat) ((PyTupleObject*)flat)->ob_hash = -1;
    #endif
        return flat;
    }
    """
    object new_flat "gdpeer_new_flat" (object cls, Py_ssize_t count)
    bint is_ascii "PyUnicode_IS_COMPACT_ASCII" (object text)
    Py_ssize_t ascii_length "PyUnicode_GET_LENGTH" (object text)
    const unsigned char* ascii_data "PyUnicode_1BYTE_DATA" (object text)


cdef inline unsigned int load32(const unsigned char* at) noexcept nogil:
    return at[0] | <unsigned int>at[1] << 8 | <unsigned int>at[2] << 16 | <unsigned int>at[3] << 24


cdef inline unsigned long long load64(const unsigned char* at) noexcept nogil:
    return load32(at) | <unsigned long long>load32(at + 4) << 32


cdef inline float load_float(const unsigned char* at) noexcept nogil:
    cdef unsigned int bits = load32(at)
    cdef float number
    memcpy(&number, &bits, 4)
    return number


cdef inline double load_double(const unsigned char* at) noexcept nogil:
    cdef unsigned long long bits = load64(at)
    cdef double number
    memcpy(&number, &bits, 8)
    return number


cdef inline void store32(unsigned char* at, unsigned int bits) noexcept nogil:
    at[0] = bits & 255
    at[1] = bits >> 8 & 255
    at[2] = bits >> 16 & 255
    at[3] = bits >> 24


cdef inline void store64(unsigned char* at, unsigned long long bits) noexcept nogil:
    store32(at, <unsigned int>bits)
    store32(at + 4, <unsigned int>(bits >> 32))


cdef inline void store_float(unsigned char* at, float number) noexcept nogil:
    cdef unsigned int bits
    memcpy(&bits, &number, 4)
    store32(at, bits)


cdef inline void store_double(unsigned char* at, double number) noexcept nogil:
    cdef unsigned long long bits
    memcpy(&bits, &number, 8)
    store64(at, bits)


cdef inline object new_reals(object cls, const unsigned char* source, Py_ssize_t count):
    # A tuple of a subclass that adds nothing, of so many reals.
    cdef object flat = new_flat(cls, count)
    cdef object number
    cdef Py_ssize_t i
    for i in range(count):
        number = load_float(source + 4 * i)
        Py_INCREF(number)
        PyTuple_SET_ITEM(flat, i, number)
    return flat


cdef inline object new_wide_reals(object cls, const unsigned char* source, Py_ssize_t count):
    # The same from numbers of 64 bits, which are rounded.
    cdef object flat = new_flat(cls, count)
    cdef object number
    cdef Py_ssize_t i
    for i in range(count):
        number = <float>load_double(source + 8 * i)
        Py_INCREF(number)
        PyTuple_SET_ITEM(flat, i, number)
    return flat


cdef inline object new_wholes(object cls, const unsigned char* source, Py_ssize_t count):
    cdef object flat = new_flat(cls, count)
    cdef object number
    cdef Py_ssize_t i
    for i in range(count):
        number = <int>load32(source + 4 * i)
        Py_INCREF(number)
        PyTuple_SET_ITEM(flat, i, number)
    return flat


cdef inline bint has_zero(unsigned long long word) noexcept nogil:
    # Whether one of its bytes is zero.
    return (word - <unsigned long long>0x0101010101010101) & ~word & <unsigned long long>0x8080808080808080 != 0


cdef inline bint copy_text(unsigned char* target, const void* source, Py_ssize_t length) noexcept nogil:
    # Whether there is a zero byte in it. Most texts are short: those are copied as two words, which may overlap.
    cdef const unsigned char* text = <const unsigned char*>source
    cdef unsigned long long first, last
    cdef unsigned int left, right
    cdef Py_ssize_t i
    cdef bint found = False
    if length > 16:
        memcpy(target, text, length)
        return memchr(text, 0, length) != NULL
    if length >= 8:
        memcpy(&first, text, 8)
        memcpy(&last, text + length - 8, 8)
        memcpy(target, &first, 8)
        memcpy(target + length - 8, &last, 8)
        return has_zero(first) or has_zero(last)
    if length >= 4:
        memcpy(&left, text, 4)
        memcpy(&right, text + length - 4, 4)
        memcpy(target, &left, 4)
        memcpy(target + length - 4, &right, 4)
        return has_zero(<unsigned long long>left << 32 | right)
    for i in range(length):
        target[i] = text[i]
        if text[i] == 0:
            found = True
    return found


cdef inline int copy_buffer(unsigned char* target, object data, Py_ssize_t size) except -1:
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    if view.len == size:
        memcpy(target, view.buf, size)
        PyBuffer_Release(&view)
        return 0
    PyBuffer_Release(&view)
    raise ValueError("a buffer of another size")
