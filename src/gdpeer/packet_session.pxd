# C types of packet_session.py (Cython's pure-Python mode).
cimport cython

cdef object _OK
cdef int _CONNECTED


@cython.final
cdef class PacketBlock:
    cdef readonly list packets
    cdef public bytes frames


cdef class PacketSession:
    cpdef int status(self) except -1
    cpdef sender_id(self)
    cpdef poll(self, double timeout)
    cpdef receive(self, connection)
    cpdef source(self)
    cpdef target(self)
    cpdef bytes take(self)
    cpdef put_to(self, peer_ids, buffer)
    @cython.locals(sent=Py_ssize_t)
    cpdef Py_ssize_t put_block(self, peer_id, PacketBlock block) except -1
    cpdef bint put_whole(self, peer_id, PacketBlock block) except -1
    cpdef Py_ssize_t waiting(self, peer_id) except -1
    @cython.locals(found=set)
    cpdef set slow_among(self, peer_ids)
    cpdef handle(self, work)
    cpdef set_relay_filter(self, relay_filter)
    cpdef bint was_relayed(self) except -1
