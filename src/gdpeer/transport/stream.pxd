# C types of stream.py (Cython's pure-Python mode).
cimport cython


cdef class Pollable:
    cpdef attach(self, object poller, object ready)
    cpdef detach(self)
    cpdef close(self)


cdef class Stream(Pollable):
    cpdef Py_ssize_t receive_into(self, object buffer) except? -2
    @cython.locals(received=Py_ssize_t)
    cdef Py_ssize_t receive_at(self, unsigned char* target, Py_ssize_t room) except? -2
    cpdef Py_ssize_t send(self, object chunks) except? -2
    cpdef want_read(self, bint wanted)
    cpdef want_write(self, bint wanted)
    cpdef bint has_pending(self) except? -1
    cpdef close_write(self)
    cpdef set_no_delay(self, bint enabled)


cdef class Connector(Pollable):
    cpdef advance(self)
