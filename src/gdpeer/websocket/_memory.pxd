# C helper of _peer.py.

cdef extern from *:
    """
    /* Cython makes a dictionary with each object. Most peers need none; setting an attribute makes one again. */
    static CYTHON_INLINE void gdpeer_drop_empty_dict(PyObject *object) {
        Py_ssize_t at = Py_TYPE(object)->tp_dictoffset;
        PyObject **dict = at > 0 ? (PyObject **)((char *)object + at) : NULL;
        if (dict && *dict && PyDict_Size(*dict) == 0) Py_CLEAR(*dict);
    }
    """
    void gdpeer_drop_empty_dict(object peer)
