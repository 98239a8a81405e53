# C types of dialects.py (Cython's pure-Python mode).
cimport cython


cdef class Dialect:
    cdef readonly str name
    cdef readonly Py_ssize_t header_size
    cdef readonly bint announces
    cdef readonly bint tells_server_gone

    cpdef bytes wrap(self, source, target, bytes payload)
    cpdef read_target(self, bytes message, peer_id)


cdef class _Godot4(Dialect):
    cpdef bytes wrap(self, source, target, bytes payload)
    cpdef read_target(self, bytes message, peer_id)


cdef class _Godot3(Dialect):
    cpdef bytes wrap(self, source, target, bytes payload)
    cpdef read_target(self, bytes message, peer_id)
