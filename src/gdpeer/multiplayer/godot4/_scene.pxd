# C types of _scene.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.godot4.calls cimport Godot4Calls
from gdpeer.multiplayer.rpc.method_table cimport Method, methods_of
from gdpeer.multiplayer._host cimport HostBase
from gdpeer.multiplayer.wire.godot4 cimport encode_call_body, is_call
from gdpeer.packet_session cimport PacketBlock, PacketSession

cdef object _OK
cdef tuple _SERVER_ALONE
cdef int _SERVER


cdef class SceneBase(HostBase):
    cdef readonly Godot4Calls _calls
    cdef readonly object _authentication
    cdef readonly object _guests
    cdef readonly object replicator
    cdef bint _checks_receivers
    cdef dict _pending
    cdef set _members

    cpdef _connect(self, Godot4Calls calls, authentication, guests, replicator)
    cpdef check_receivers(self, bint checks)
    cpdef _take_next(self, PacketSession packets, sender)
    @cython.locals(data=bytes)
    cdef _take_from_guest(self, PacketSession packets, sender)
    cdef _receive(self, sender, bytes data)
    cpdef transmit(self, peer_ids, bytes data)
    @cython.locals(packets=PacketSession, sent=Py_ssize_t)
    cpdef Py_ssize_t transmit_block(self, peer_id, PacketBlock block) except -1
    @cython.locals(packets=PacketSession)
    cpdef bint transmit_whole(self, peer_id, PacketBlock block) except -1
    cpdef Py_ssize_t waiting(self, peer_id) except -1
    cpdef set slow_among(self, peer_ids)
    @cython.locals(packets=PacketSession, entry=Method)
    cpdef rpc(self, peer_id, node, method, arguments=*)
    cdef _call_both(self, peer_id, own, node, Method method, arguments)
    @cython.locals(is_one=bint)
    cdef _call_elsewhere(self, peer_id, own, node, Method method, arguments)
    cdef _hold(self, peer_id, own, node, Method method, arguments)
    cdef _receivers(self, targets, node, bint is_one)
    cdef _log_missing(self, peer_id)
    cdef _call_mixed(self, node, Method method, arguments, peer_ids)
