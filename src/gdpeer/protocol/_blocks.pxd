# A bytes object that is filled before anybody else has it; used by the compiled form of assembly.py.

from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject* PyBytes_FromStringAndSize(const char* data, Py_ssize_t size) except NULL
    char* PyBytes_AS_STRING(PyObject* block)
    Py_ssize_t PyBytes_GET_SIZE(PyObject* block)
    int _PyBytes_Resize(PyObject** block, Py_ssize_t size) except -1
    void Py_CLEAR(PyObject* block)
    void Py_DECREF(PyObject* block)


cdef inline unsigned char* block_of(PyObject* block) noexcept:
    return <unsigned char*> PyBytes_AS_STRING(block)


cdef inline unsigned char* room_in(PyObject** block, Py_ssize_t size) except NULL:
    # Make it so long; the bytes that it had stay.
    if block[0] is NULL:
        block[0] = PyBytes_FromStringAndSize(NULL, size)
    else:
        _PyBytes_Resize(block, size)
    return block_of(block[0])


cdef inline bytes taken(PyObject** block, Py_ssize_t size):
    # Cut to its size and given away.
    cdef bytes found
    if block[0] is NULL:
        return b""
    if PyBytes_GET_SIZE(block[0]) != size:
        _PyBytes_Resize(block, size)
    found = <bytes> block[0]
    Py_DECREF(block[0])
    block[0] = NULL
    return found


cdef inline dropped(PyObject** block):
    Py_CLEAR(block[0])
