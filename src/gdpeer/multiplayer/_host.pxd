# C types of _host.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.rpc._bound cimport CallSender
from gdpeer.multiplayer.rpc.method_table cimport Method
from gdpeer.multiplayer.wire.parts cimport values_of
from gdpeer.packet_session cimport PacketSession, SessionHolder

cdef int _UNDERSCORE


cdef class HostBase(CallSender):
    cdef public bint allow_object_decoding
    cdef public object typed_containers
    cdef public double rpc_rate
    cdef public object _clock
    cdef dict _buckets
    cdef public bint _was_counted
    cdef public dict _refusals
    cdef public object _lost
    cdef public object _tree
    cdef public object _sender
    cdef public dict _admitted
    cdef readonly object _peer
    cdef readonly SessionHolder _holder
    cdef public bint _is_plain

    cpdef _use_peer(self, peer)
    @cython.locals(holder=SessionHolder)
    cdef inline SessionHolder _direct(self)
    @cython.locals(holder=SessionHolder, session=PacketSession)
    cpdef _take_all(self)
    cdef _take_next(self, peer, SessionHolder holder, sender)
    cdef bint _owns(self, node) except -1
    cdef _transmit(self, peer_ids, bytes data)
    cdef _call(self, sender, node, Method method, arguments)
    cpdef bint _is_flood(self, sender, name) except -1
    cpdef _forget_caller(self, sender)
    @cython.locals(was_counted=bint)
    cpdef bint _is_over(self, sender, name) except -1
    cdef _check_and_invoke(self, sender, node, Method method, arguments)
    cpdef bint _invoke(self, sender, node, Method method, arguments) except -1
