"""Ids, signals, callables and objects: passive values."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from gdpeer.variant import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal

VALUES = [
    RID(),
    RID(5),
    EncodedCallable(),
    EncodedSignal("done", 7),
    EncodedObjectAsID(7),
    EncodedObject("Node", {"a": 1}),
]


@pytest.mark.parametrize("value", VALUES)
def test_equal_hashable_frozen_and_small(value: object) -> None:
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert other == value
        assert hash(other) == hash(value)
    assert not hasattr(value, "__dict__")
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_an_id_is_no_number() -> None:
    assert RID(5) != 5
    assert RID(5) != EncodedObjectAsID(5)
    assert (RID(5).get_id(), RID(5).is_valid(), RID().is_valid()) == (5, True, False)
    assert str(RID(5)) == repr(RID(5)) == "RID(5)"


def test_objects_are_equal_by_value() -> None:
    assert EncodedObject("Node") == EncodedObject("Node", {})
    assert EncodedObject("Node", {"a": 1}) != EncodedObject("Node", {"a": 2})
