# A bytes object that is filled before other code refers to it; used by the compiled form of message_buffer.py.
#
# New memory of the system costs a page fault for each 4 KiB, which takes longer than receiving the bytes of a large
# message. So the last blocks of large messages (8 blocks of 128 KiB to 1 MiB) are kept, and a block is filled again
# once no other code refers to it.

from cpython.object cimport PyObject

cdef extern from *:
    """
    #define GDPEER_BLOCKS 8
    #define GDPEER_IS_REMEMBERED(capacity) ((capacity) >= 128 * 1024 && (capacity) <= 1024 * 1024)
    #define GDPEER_IS_NEAR(capacity, size) ((capacity) >= (size) && (capacity) - (size) <= (capacity) / 4)
    static struct { PyObject *block; Py_ssize_t capacity; } gdpeer_blocks[GDPEER_BLOCKS];
    static int gdpeer_oldest;

    #ifdef __GNUC__
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    #endif
    static void gdpeer_set_size(PyObject *block, Py_ssize_t size) {
        Py_SET_SIZE((PyVarObject *)block, size);
        PyBytes_AS_STRING(block)[size] = 0;
        ((PyBytesObject *)block)->ob_shash = -1;
    }
    #ifdef __GNUC__
    #pragma GCC diagnostic pop
    #endif

    /* A new block of *capacity bytes, or a kept block that is slightly larger. */
    static PyObject *gdpeer_new_block(Py_ssize_t *capacity) {
    #ifndef Py_GIL_DISABLED
        int i;
        for (i = 0; GDPEER_IS_REMEMBERED(*capacity) && i < GDPEER_BLOCKS; i++) {
            PyObject *block = gdpeer_blocks[i].block;
            if (block && Py_REFCNT(block) == 1 && GDPEER_IS_NEAR(gdpeer_blocks[i].capacity, *capacity)) {
                *capacity = gdpeer_blocks[i].capacity;
                gdpeer_blocks[i].block = NULL;
                gdpeer_set_size(block, *capacity);
                return block;
            }
        }
    #endif
        return PyBytes_FromStringAndSize(NULL, *capacity);
    }

    /* Cuts a block to its size. If only a little is cut off, the memory stays as it is, and the block is kept. */
    static int gdpeer_cut_block(PyObject **block, Py_ssize_t capacity, Py_ssize_t size) {
    #ifndef Py_GIL_DISABLED
        int place = 0;
        if (GDPEER_IS_REMEMBERED(capacity) && GDPEER_IS_NEAR(capacity, size)) {
            while (place < GDPEER_BLOCKS && gdpeer_blocks[place].block) place++;
            if (place == GDPEER_BLOCKS) {
                place = gdpeer_oldest;
                gdpeer_oldest = (gdpeer_oldest + 1) % GDPEER_BLOCKS;
                Py_DECREF(gdpeer_blocks[place].block);
            }
            Py_INCREF(*block);
            gdpeer_blocks[place].block = *block;
            gdpeer_blocks[place].capacity = capacity;
            gdpeer_set_size(*block, size);
            return 0;
        }
    #endif
        return size == capacity ? 0 : _PyBytes_Resize(block, size);
    }
    """
    PyObject* gdpeer_new_block(Py_ssize_t* capacity) except NULL
    int gdpeer_cut_block(PyObject** block, Py_ssize_t capacity, Py_ssize_t size) except -1

cdef extern from "Python.h":
    char* PyBytes_AS_STRING(PyObject* block)
    int _PyBytes_Resize(PyObject** block, Py_ssize_t size) except -1
    void Py_CLEAR(PyObject* block)
    void Py_DECREF(PyObject* block)


cdef inline unsigned char* block_of(PyObject* block) noexcept:
    return <unsigned char*> PyBytes_AS_STRING(block)


cdef inline unsigned char* room_in(PyObject** block, Py_ssize_t* capacity) except NULL:
    # Makes the block *capacity bytes long, or slightly longer, and keeps its bytes. Without memory the bytes are lost.
    if block[0] is NULL:
        block[0] = gdpeer_new_block(capacity)
    else:
        _PyBytes_Resize(block, capacity[0])
    return block_of(block[0])


cdef inline bytes taken(PyObject** block, Py_ssize_t capacity, Py_ssize_t size):
    # Returns the block, cut to its size, and forgets it.
    cdef bytes found
    if block[0] is NULL:
        return b""
    gdpeer_cut_block(block, capacity, size)
    found = <bytes> block[0]
    Py_DECREF(block[0])
    block[0] = NULL
    return found


cdef inline dropped(PyObject** block):
    Py_CLEAR(block[0])
