# C types of packet_session.py (Cython's pure-Python mode).
cimport cython

cdef object _OK, _UNCONFIGURED, _UNAVAILABLE
cdef int _SERVER, _UNDERSCORE


cdef class PacketSession:
    cdef public object relay_filter
    cdef public object unique_id
    cdef public bint is_ready
    cdef public bint is_over

    cpdef Py_ssize_t count(self) except -1
    cpdef source(self)
    cpdef target(self)
    cpdef bytes take(self)
    cpdef put_to(self, peer_ids, buffer)
    cpdef handle(self, work)


cdef class SessionHolder:
    cdef public PacketSession _session
    cdef public object _packet_error
    cdef public bint _is_direct

    @cython.locals(session=PacketSession)
    cpdef Py_ssize_t get_available_packet_count(self) except -1
    @cython.locals(session=PacketSession, packet=bytes)
    cpdef bytes get_packet(self)
    @cython.locals(session=PacketSession, packet=bytes)
    cdef bytes next_packet(self)
    @cython.locals(session=PacketSession)
    cpdef get_packet_peer(self)
    @cython.locals(session=PacketSession)
    cpdef _handle(self, work)
    @cython.locals(session=PacketSession)
    cpdef get_unique_id(self)
