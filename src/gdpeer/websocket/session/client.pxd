# C types of client.py (Cython's pure-Python mode).
cimport cython

from gdpeer.websocket._peer cimport PeerBase, backend_of
from gdpeer.websocket.session.dialects cimport Dialect
from gdpeer.websocket.backend.base cimport Backend, Turn
from gdpeer.websocket.session.server cimport Session


cdef object _OK, _NO_ROOM


cdef class ClientSession(Session):
    cdef public object failure
    cdef object _client
    cdef PeerBase _peer
    cdef Dialect _dialect
    cdef object _clock
    cdef double _deadline
    cdef set _others

    @cython.locals(backend=Backend, message=bytes)
    cpdef receive(self, connection)
