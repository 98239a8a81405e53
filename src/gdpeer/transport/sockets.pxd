# C types of sockets.py (Cython's pure-Python mode).
cimport cython

from gdpeer.transport._posix cimport gdpeer_address
from gdpeer.transport.poller cimport Watch
from gdpeer.transport.stream cimport Stream

cdef object _TOO_EARLY


cdef class TcpStream(Stream):
    cdef int _descriptor
    cdef bint _is_bare  # no socket object owns the descriptor (a field of its own: in __dealloc__ _socket may be gone)
    cdef public object _socket
    cdef Watch _watch
    cdef object _local
    cdef object _remote
    cdef gdpeer_address _accepted

    @cython.locals(received=Py_ssize_t)
    cpdef Py_ssize_t receive_into(self, object buffer) except? -2
    @cython.locals(received=Py_ssize_t)
    cdef Py_ssize_t receive_at(self, unsigned char* target, Py_ssize_t room) except? -2
    @cython.locals(sent=Py_ssize_t)
    cpdef Py_ssize_t send(self, object chunks) except? -2
    cdef Py_ssize_t _failed(self, int number, int would_block) except? -2


@cython.locals(descriptor=int, stream=TcpStream)
cpdef TcpStream accept_stream(object listening)
