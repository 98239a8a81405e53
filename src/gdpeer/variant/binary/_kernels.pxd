# Converts numbers and texts to and from little-endian bytes in C. Used by the compiled forms of _output.py, writer.py
# and _leaves.py only. The uncompiled forms do the same in Python; one test suite runs against both.

from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_AsDouble, PyFloat_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from libc.string cimport memchr, memcpy


cdef extern from *:
    """
    /* Compilers turn each memcpy into one load or store; two neighbouring chains of shifts become slow code. */
    static CYTHON_INLINE unsigned int gdpeer_load32(const unsigned char* at) {
    #if PY_BIG_ENDIAN
        return at[0] | (unsigned int)at[1] << 8 | (unsigned int)at[2] << 16 | (unsigned int)at[3] << 24;
    #else
        unsigned int bits;
        memcpy(&bits, at, 4);
        return bits;
    #endif
    }

    static CYTHON_INLINE unsigned PY_LONG_LONG gdpeer_load64(const unsigned char* at) {
    #if PY_BIG_ENDIAN
        return gdpeer_load32(at) | (unsigned PY_LONG_LONG)gdpeer_load32(at + 4) << 32;
    #else
        unsigned PY_LONG_LONG bits;
        memcpy(&bits, at, 8);
        return bits;
    #endif
    }

    static CYTHON_INLINE void gdpeer_store32(unsigned char* at, unsigned int bits) {
    #if PY_BIG_ENDIAN
        at[0] = bits & 255;
        at[1] = bits >> 8 & 255;
        at[2] = bits >> 16 & 255;
        at[3] = bits >> 24;
    #else
        memcpy(at, &bits, 4);
    #endif
    }

    static CYTHON_INLINE void gdpeer_store64(unsigned char* at, unsigned PY_LONG_LONG bits) {
    #if PY_BIG_ENDIAN
        gdpeer_store32(at, (unsigned int)bits);
        gdpeer_store32(at + 4, (unsigned int)(bits >> 32));
    #else
        memcpy(at, &bits, 8);
    #endif
    }

    /* Allocates as tuple.__new__ does for a subclass. From Python 3.14 on a tuple stores its hash; -1: not computed. */
    static CYTHON_INLINE PyObject* gdpeer_new_flat(PyObject* cls, Py_ssize_t count) {
        PyObject* flat = ((PyTypeObject*)cls)->tp_alloc((PyTypeObject*)cls, count);
    #if PY_VERSION_HEX >= 0x030E0000
        if (flat) ((PyTupleObject*)flat)->ob_hash = -1;
    #endif
        return flat;
    }

    /* Changes the length of bytes to which no other code refers; makes new bytes of NULL. */
    static CYTHON_INLINE int gdpeer_resize(PyObject** data, Py_ssize_t size) {
        if (*data) return _PyBytes_Resize(data, size);
        *data = PyBytes_FromStringAndSize(NULL, size);
        return *data ? 0 : -1;
    }

    /* Returns the bytes and sets the pointer to NULL. */
    static CYTHON_INLINE PyObject* gdpeer_take(PyObject** data) {
        PyObject* taken = *data;
        *data = NULL;
        return taken;
    }

    /* A cache: the kinds of the classes that were written last. writer.py keeps the classes alive. */
    static struct { PyTypeObject* cls; int kind; } gdpeer_kinds[64];

    static CYTHON_INLINE size_t gdpeer_place(PyObject* value) {
        size_t bits = (size_t)Py_TYPE(value);
        return (bits >> 5 ^ bits >> 11) & 63;
    }

    static CYTHON_INLINE int gdpeer_recent_kind(PyObject* value) {
        size_t place = gdpeer_place(value);
        return gdpeer_kinds[place].cls == Py_TYPE(value) ? gdpeer_kinds[place].kind : -1;
    }

    static CYTHON_INLINE void gdpeer_remember_kind(PyObject* value, int kind) {
        size_t place = gdpeer_place(value);
        gdpeer_kinds[place].cls = Py_TYPE(value);
        gdpeer_kinds[place].kind = kind;
    }
    """
    int resize_bytes "gdpeer_resize" (PyObject** data, Py_ssize_t size) except -1
    object take_bytes "gdpeer_take" (PyObject** data)
    unsigned char* bytes_memory "(unsigned char*)PyBytes_AS_STRING" (PyObject* data)
    int recent_kind "gdpeer_recent_kind" (object value)
    void remember_kind "gdpeer_remember_kind" (object value, int kind)
    Py_ssize_t as_size "PyNumber_AsSsize_t" (object number, void* never) except? -1
    object new_text "PyUnicode_New" (Py_ssize_t length, unsigned int highest)
    object character "PyUnicode_FromOrdinal" (int code)
    unsigned int load32 "gdpeer_load32" (const unsigned char* at) noexcept nogil
    unsigned long long load64 "gdpeer_load64" (const unsigned char* at) noexcept nogil
    void store32 "gdpeer_store32" (unsigned char* at, unsigned int bits) noexcept nogil
    void store64 "gdpeer_store64" (unsigned char* at, unsigned long long bits) noexcept nogil
    object new_flat "gdpeer_new_flat" (object cls, Py_ssize_t count)
    bint is_ascii "PyUnicode_IS_COMPACT_ASCII" (object text)
    Py_ssize_t ascii_length "PyUnicode_GET_LENGTH" (object text)
    const unsigned char* ascii_data "PyUnicode_1BYTE_DATA" (object text)


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


cdef inline void store_float(unsigned char* at, float number) noexcept nogil:
    cdef unsigned int bits
    memcpy(&bits, &number, 4)
    store32(at, bits)


cdef inline void store_double(unsigned char* at, double number) noexcept nogil:
    cdef unsigned long long bits
    memcpy(&bits, &number, 8)
    store64(at, bits)


cdef inline unsigned char* put_whole(
    unsigned char* at, unsigned int kind, unsigned int wide, long long number
) noexcept nogil:
    # Writes a header and a number, in 32 bits if the number fits. This and the next functions return the next address.
    store32(at, kind)
    if number == <int>number:
        store32(at + 4, <unsigned int>number)
        return at + 8
    store32(at, kind | wide)
    store64(at + 4, number)
    return at + 12


cdef inline unsigned char* put_real(
    unsigned char* at, unsigned int kind, unsigned int wide, double number
) noexcept nogil:
    # Writes a header and a float, in 32 bits if they hold it exactly. NaN equals nothing, and so takes 64 bits.
    if <float>number == number:
        store32(at, kind)
        store_float(at + 4, <float>number)
        return at + 8
    store32(at, kind | wide)
    store_double(at + 4, number)
    return at + 12


cdef inline double as_double(object number) except? -1:
    return PyFloat_AS_DOUBLE(number) if PyFloat_CheckExact(number) else PyFloat_AsDouble(number)


cdef inline unsigned char* put_reals(
    unsigned char* at, unsigned int head, object numbers, Py_ssize_t count
) except NULL:
    # Writes a header and the numbers of a tuple as 32-bit floats; numbers beyond the range become infinity.
    cdef Py_ssize_t i
    store32(at, head)
    for i in range(count):
        store_float(at + 4 + 4 * i, <float>as_double(<object>PyTuple_GET_ITEM(numbers, i)))
    return at + 4 + 4 * count


cdef inline int put_exact_reals(unsigned char* at, unsigned int head, object numbers, Py_ssize_t count) noexcept:
    # Writes as `put_reals`, and returns the bytes; 0 if that could run code: for another count, or numbers of a subclass.
    cdef Py_ssize_t i
    if PyTuple_GET_SIZE(numbers) != count:
        return 0
    for i in range(count):
        if not PyFloat_CheckExact(<object>PyTuple_GET_ITEM(numbers, i)):
            return 0
        store_float(at + 4 + 4 * i, <float>PyFloat_AS_DOUBLE(<object>PyTuple_GET_ITEM(numbers, i)))
    store32(at, head)
    return <int>(4 + 4 * count)


cdef inline int put_compact(unsigned char* at, object number) except -1:
    # Writes a whole number in the compact format, and returns the bytes; 0 if the number does not fit.
    cdef int overflow = 0, mode = 3
    cdef long long whole = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        return 0
    if whole == <signed char> whole:
        mode = 0
    elif whole == <short> whole:
        mode = 1
    elif whole == <int> whole:
        mode = 2
    at[0] = <unsigned char> (2 | mode << 6)
    store64(at + 1, <unsigned long long> whole)
    return 1 + (1 << mode)


cdef inline object new_numbers(object cls, const unsigned char* source, Py_ssize_t count, bint whole, bint wide):
    # Makes a tuple of `count` whole numbers or floats; 64-bit floats (`wide`) are rounded to 32 bits. `cls` is a subclass
    # of tuple without fields of its own.
    cdef object flat = new_flat(cls, count)
    cdef object number
    cdef Py_ssize_t i
    for i in range(count):
        if whole:
            number = <int>load32(source + 4 * i)
        else:
            number = <float>load_double(source + 8 * i) if wide else load_float(source + 4 * i)
        Py_INCREF(number)
        PyTuple_SET_ITEM(flat, i, number)
    return flat


cdef inline unsigned long long zeros(unsigned long long word) noexcept nogil:
    # Returns 0 unless a byte of the word is zero.
    return (word - <unsigned long long>0x0101010101010101) & ~word & <unsigned long long>0x8080808080808080


cdef inline bint copy_text(unsigned char* target, const void* source, Py_ssize_t length) noexcept nogil:
    # Copies a text and returns whether it has a zero byte. Short texts, the most common, are copied as two words that
    # may overlap.
    cdef const unsigned char* text = <const unsigned char*>source
    cdef unsigned long long first, last
    cdef unsigned int left, right
    if length > 16:
        memcpy(target, text, length)
        return memchr(text, 0, length) != NULL
    if length >= 8:
        memcpy(&first, text, 8)
        memcpy(&last, text + length - 8, 8)
        memcpy(target, &first, 8)
        memcpy(target + length - 8, &last, 8)
        return (zeros(first) | zeros(last)) != 0
    if length >= 4:
        memcpy(&left, text, 4)
        memcpy(&right, text + length - 4, 4)
        memcpy(target, &left, 4)
        memcpy(target + length - 4, &right, 4)
        return zeros(<unsigned long long>left << 32 | right) != 0
    if length == 0:
        return False
    # 1 to 3 bytes: the first, the middle and the last are all of them.
    target[0] = text[0]
    target[length >> 1] = text[length >> 1]
    target[length - 1] = text[length - 1]
    return text[0] == 0 or text[length >> 1] == 0 or text[length - 1] == 0


cdef inline unsigned long long unplain(unsigned long long word) noexcept nogil:
    # Returns 0 unless a byte of the word is zero or not ASCII.
    return (word - <unsigned long long>0x0101010101010101 | word) & <unsigned long long>0x8080808080808080


cdef inline bint is_plain(const unsigned char* text, Py_ssize_t length) noexcept nogil:
    # Tells whether a text is ASCII without a zero byte. Reads whole words, which may overlap.
    cdef unsigned long long bad = 0
    cdef Py_ssize_t i
    if length >= 8:
        for i in range(0, length - 8, 8):
            bad |= unplain(load64(text + i))
        return (bad | unplain(load64(text + length - 8))) == 0
    if length >= 4:
        return unplain(<unsigned long long>load32(text) << 32 | load32(text + length - 4)) == 0
    for i in range(length):
        if text[i] == 0 or text[i] > 127:
            return False
    return True


cdef inline object new_plain(const unsigned char* source, Py_ssize_t length):
    # Makes a str of a plain text. Python keeps the strings of one character, so those need no memory.
    cdef object text
    if length == 1:
        return character(source[0])
    text = new_text(length, 127)
    memcpy(<void*>ascii_data(text), source, length)
    return text


cdef inline int copy_buffer(unsigned char* target, object data, Py_ssize_t size) except -1:
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    if view.len == size:
        memcpy(target, view.buf, size)
        PyBuffer_Release(&view)
        return 0
    PyBuffer_Release(&view)
    raise ValueError("a buffer of another size")
