# C types of frames.py (Cython's pure-Python mode).
cimport cython

from gdpeer.multiplayer.replication.outgoing cimport Outgoing
from gdpeer.packet_session cimport PacketBlock


@cython.final
cdef class Bundle:
    cdef readonly bint is_empty
    cdef Py_ssize_t _at
    cdef Py_ssize_t _room
    cdef unsigned char* _start
    cdef readonly object peer_id
    cdef bytearray _data
    cdef Py_ssize_t _first
    cdef Py_ssize_t _most
    cdef list _packets

    cdef begin(self, bytes head, Py_ssize_t most)
    @cython.locals(size=Py_ssize_t)
    cdef int add(self, bytes element) except -1
    @cython.locals(size=Py_ssize_t)
    cdef inline int add_values(self, unsigned int number, bytes values) except -1
    cdef int _make_room(self, Py_ssize_t size) except -1
    @cython.locals(packets=list)
    cdef list take(self)
    cdef bytes _packet(self)


@cython.final
cdef class Frames:
    cdef readonly list queue
    cdef readonly dict polled
    cdef object _host
    cdef dict _peers
    cdef readonly int counter
    cdef bytes _head
    cdef Bundle _common
    cdef dict _bundles
    cdef list _filled
    cdef list _deltas
    cdef list _told
    cdef Py_ssize_t _most_sync
    cdef dict _deltas_of

    @cython.locals(out=Outgoing, outs=list, index=Py_ssize_t, peers=Py_ssize_t)
    cpdef send(self, double now, set slow)
    @cython.locals(waits=bint)
    cdef _collect(self, Outgoing out, double now, set slow)
    @cython.locals(payload=bytes, bundles=list)
    cdef _collect_steady(self, Outgoing out, double now, set slow)
    @cython.locals(payload=bytes, is_due=bint, fresh=set, common="unsigned int")
    cdef _collect_sync(self, Outgoing out, double now, set slow)
    @cython.locals(bundle=Bundle)
    cdef _add_to(self, list bundles, unsigned int number, bytes payload)
    cdef list _bundles_by_net(self, Outgoing out)
    @cython.locals(bundle=Bundle, found=list)
    cdef list _bundles_of(self, set peer_ids)
    cdef _begin_syncs(self)
    @cython.locals(bundle=Bundle, packets=list, block=PacketBlock)
    cdef _send_syncs(self, set slow)
    cdef bint _collect_delta(self, Outgoing out, double now, set slow) except -1
    cdef unsigned int _common_id(self, Outgoing out) except? 0


@cython.locals(bundle=Bundle)
cpdef list packets_of(bytes head, list elements, Py_ssize_t most)
