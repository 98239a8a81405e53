# What the compiled form of the calls needs of C; the uncompiled form has its own way to do the same.

from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_SIZE


cdef extern from *:
    """
    /* Calls without a tuple in between. The arguments are held while the call runs: the list may be changed by it. */
    static PyObject* gdpeer_call_method(PyObject* function, PyObject* first, PyObject* rest) {
        PyObject* given[10];
        PyObject** items = PyList_CheckExact(rest) ? ((PyListObject*) rest)->ob_item : ((PyTupleObject*) rest)->ob_item;
        Py_ssize_t count = Py_SIZE(rest), i;
        PyObject* result;
        given[0] = NULL;
        given[1] = first;
        for (i = 0; i < count; i++) {
            given[i + 2] = items[i];
            Py_INCREF(items[i]);
        }
        result = PyObject_Vectorcall(function, given + 1, (size_t) (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        for (i = 0; i < count; i++) Py_DECREF(given[i + 2]);
        return result;
    }
    """
    object gdpeer_call_method(object function, object first, object rest)


cdef inline object call_method(object function, object node, object arguments):
    """Call a method with a node and up to 8 arguments of a list or a tuple, or with more by way of a tuple."""
    if PyList_CheckExact(arguments):
        if PyList_GET_SIZE(arguments) <= 8:
            return gdpeer_call_method(function, node, arguments)
    elif PyTuple_CheckExact(arguments):
        if PyTuple_GET_SIZE(arguments) <= 8:
            return gdpeer_call_method(function, node, arguments)
    return function(node, *arguments)
