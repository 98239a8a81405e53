# What the compiled form of the calls needs of C; the uncompiled form has its own way to do the same.

from cpython.method cimport PyMethod_Check, PyMethod_GET_FUNCTION


cdef inline bint is_method(object found, object function):
    """Whether something is a function bound to an instance."""
    return PyMethod_Check(found) and PyMethod_GET_FUNCTION(found) == <void*> function
