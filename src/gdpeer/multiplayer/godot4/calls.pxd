# C types of calls.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.godot4.paths cimport Numbered, PathCache, PeerPaths
from gdpeer.multiplayer.rpc.method_table cimport Method, methods_of
from gdpeer.multiplayer._host cimport HostBase
from gdpeer.multiplayer.wire.godot4 cimport UndecodedCall, call_packet, encode_call, encode_call_body, parse_call


@cython.final
cdef class Godot4Calls:
    cdef HostBase _host
    cdef readonly PathCache cache
    cdef readonly object differences

    @cython.locals(host=HostBase, flags=int, body=bytes, entry=Numbered, typed=bint, objects=bint)
    cpdef send(self, node, Method method, arguments, peer_ids)
    cdef _send_packed(self, node, Method method, arguments, peer_ids)
    @cython.locals(flags=int, body=bytes)
    cdef _send_encoded(self, node, Method method, arguments, peer_ids, bint typed)
    cdef bint _is_known(self, Numbered entry, peer_ids) except -1
    @cython.locals(host=HostBase, number="unsigned int")
    cdef _send_paths(self, Numbered entry, int flags, bytes body, peer_ids)
    cpdef receive(self, sender, packet)
    @cython.locals(host=HostBase, call=UndecodedCall, peer=PeerPaths, method=Method, known=tuple)
    cpdef receive_call(self, sender, bytes data, bint may_wait=*)
    cdef _find_again(self, sender, unsigned int number, path)
    cpdef node_of(self, peer_id, unsigned int number)
    cpdef receive_simplify(self, sender, told)
    cdef _note_difference(self, sender, told, node)
    cdef _receive_confirm(self, sender, answer)
