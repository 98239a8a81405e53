# C types of _host.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.rpc._bound cimport CallSender
from gdpeer.multiplayer.rpc.method_table cimport Method
from gdpeer.multiplayer.wire.parts cimport values_of
from gdpeer.packet_session cimport PacketSession

cdef object _OK
cdef int _UNDERSCORE


cdef class HostBase(CallSender):
    cdef public bint allow_object_decoding
    cdef public object typed_containers
    cdef public double rpc_rate
    cdef public object lost_packets
    cdef public bint was_counted
    cdef public object _clock
    cdef dict _buckets
    cdef public dict _refusals
    cdef public object _tree
    cdef public object _sender
    cdef public dict admitted
    cdef public object _peer
    cdef public PacketSession _packets

    cpdef _take_all(self)
    cpdef _take_next(self, PacketSession packets, sender)
    cpdef bint owns(self, node) except -1
    cpdef put(self, peer_ids, bytes data)
    cpdef transmit(self, peer_ids, bytes data)
    cpdef call(self, sender, node, Method method, arguments)
    @cython.locals(was_counted=bint)
    cpdef bint _is_over(self, sender, name) except -1
    cpdef bint _is_flood(self, sender, name) except -1
    cpdef bint _invoke(self, sender, node, Method method, arguments) except -1
