# C types of codec.py (Cython's pure-Python mode).
cimport cython

from gdpeer.variant.binary._leaves cimport LeafReader, bytes_of, new_leaf_reader
from gdpeer.variant.binary.reader cimport read_value
from gdpeer.variant.binary.writer cimport new_writer


cpdef bytes encode_variant(object value, object engine, bint typed, bint objects)
@cython.locals(source=bytes, leaves=LeafReader, at=Py_ssize_t)
cpdef tuple decode_variant(object data, Py_ssize_t offset, object engine, bint objects)
