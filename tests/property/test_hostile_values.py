"""F4: values nested without end, values that boast, and what engines wrote with each byte changed; both dialects.

One exception type comes out, and no more memory is taken than 16 times the bytes and 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant.binary.codec import decode_variant
from gdpeer.variant.binary.compact import decode_arguments
from gdpeer.variant.kinds import VariantType, VariantType3
from tests.fuzz.targets import TARGETS
from tests.support.figures import record
from tests.support.forms import FORM
from tests.unit.variant.vectors import load, words

ENGINES = (4, 3)
DEPTHS = (1, 127, 128, 129, 1000, 100_000)
MOST_NESTED = 128
MEASURED = 16
"""Memory is measured of one changed value in so many."""

ARRAY = {4: 28, 3: 19}
DICTIONARY = {4: 27, 3: 18}
STRING = 4
LEVELS = {
    "arrays": lambda engine: words(ARRAY[engine], 1),
    "arrays of two": lambda engine: words(ARRAY[engine], 2, 0),
    "dictionaries": lambda engine: words(DICTIONARY[engine], 1, 0),
    "dictionaries as keys": lambda engine: words(DICTIONARY[engine], 1),
    "arrays in dictionaries": lambda engine: words(DICTIONARY[engine], 1, 0, ARRAY[engine], 1),
}
LEVELS_OF_4 = {
    "typed arrays": words(0x10000 | 28, 28, 1),
    "typed dictionaries": words(0x50000 | 27, 2, 27, 1, 2, 7),
    "objects": words(24, 1, 97, 1, 1, 98),
}
NESTED = [
    *(pytest.param(engine, make(engine), id=f"{engine} {name}") for engine in ENGINES for name, make in LEVELS.items()),
    *(pytest.param(4, level, id=f"4 {name}") for name, level in LEVELS_OF_4.items()),
]


def check(engine: int, data: bytes) -> None:
    """Within its memory, with and without objects, as a value and as a call's argument."""
    for how in (0, 1, 2 | 1 << 2, 3 | 1 << 2):
        TARGETS[f"variant{engine}"].check_memory(bytes([how]) + data)


def refuse(engine: int, data: bytes) -> None:
    check(engine, data)
    for objects in (False, True):
        with pytest.raises(VariantError):
            decode_variant(data, 0, engine, objects)
        with pytest.raises(VariantError):
            decode_arguments(data, 0, 1, len(data), engine=engine, objects=objects)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("engine", "level"), NESTED)
def test_f4_nesting_ends_at_128_whatever_the_depth(engine: int, level: bytes, depth: int) -> None:
    """What is nested deeper, and what ends before its innermost value, is refused."""
    refuse(engine, level * depth)
    whole = level * depth + bytes(8 * depth)
    if depth > MOST_NESTED:
        refuse(engine, whole)
    else:
        check(engine, whole)


@pytest.mark.parametrize("name", ["arrays", "arrays of two", "dictionaries"])
@pytest.mark.parametrize("engine", ENGINES)
def test_f4_what_is_nested_to_the_limit_is_read(engine: int, name: str) -> None:
    data = LEVELS[name](engine) * MOST_NESTED + bytes(8 * MOST_NESTED)
    assert decode_variant(data, 0, engine, False)[1] <= len(data)


KINDS = {4: VariantType, 3: VariantType3}
COUNTED = ("STRING", "STRING_NAME", "NODE_PATH", "DICTIONARY")


def bombs(engine: int) -> Iterator[tuple[str, int]]:
    """The kinds that declare a count: name and type."""
    for kind in KINDS[engine]:
        name = kind.name.removeprefix("TYPE_")
        if name in COUNTED or name.endswith("ARRAY"):
            yield name.lower(), int(kind)


COUNTS = {
    "2^32 - 1": 0xFFFFFFFF,
    "2^31": 0x80000000,
    "2^31 - 1": 0x7FFFFFFF,
    "2^30": 1 << 30,
    "2^29": 1 << 29,
    "2^28 + 1": (1 << 28) + 1,
    "100 million": 10**8,
    "a million": 10**6,
    "one more than there are bytes": 257,
}
BOMBS = [pytest.param(engine, kind, id=f"{engine} {name}") for engine in ENGINES for name, kind in bombs(engine)]


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize(("engine", "kind"), BOMBS)
@pytest.mark.parametrize("rest", [0, 256])
def test_f4_a_value_that_boasts_takes_no_memory(engine: int, kind: int, count: int, rest: int) -> None:
    boast = words(kind, count) + bytes(rest)
    check(engine, boast)
    check(engine, words(ARRAY[engine], 3) + boast + boast)
    if count < 0x80000000:  # in a packed array of Godot 3 and in containers the highest bit is a flag
        refuse(engine, boast)


def test_f4_strings_of_a_packed_array_that_boast() -> None:
    for engine, kind in ((4, 34), (3, 23)):
        for count in COUNTS.values():
            refuse(engine, words(kind, 2, count) + bytes(4))
            refuse(engine, words(kind, 2, 0, count))


def changes(data: bytes) -> Iterator[bytes]:
    """Each byte changed in some ways, and each beginning."""
    for at in range(len(data)):
        for byte in {0, 0x7F, 0xFF, data[at] ^ 1, data[at] ^ 0x80, (data[at] + 1) & 0xFF} - {data[at]}:
            yield data[:at] + bytes([byte]) + data[at + 1 :]
        yield data[:at]


@pytest.mark.parametrize("engine", ENGINES)
def test_f4_what_engines_wrote_with_each_byte_changed(engine: int) -> None:
    target, count, most = TARGETS[f"variant{engine}"], 0, 0
    hexes = {vector[key] for vector in load(engine) for key in ("hex", "hex_with_objects") if key in vector}
    for data in sorted(map(bytes.fromhex, hexes)):
        for changed in changes(data[:400]):
            case = bytes([count & 1]) + changed
            target.check(case)
            if count % MEASURED == 0:
                most = max(most, target.check_memory(case))
            count += 1
    assert count > 10_000
    record("F4", **{f"changed{engine}_{FORM}": count, f"changed{engine}_beyond_{FORM}": most})


def test_f4_boasts_of_each_kind_are_of_kinds_that_engines_have() -> None:
    """Each of the types above reads when it tells the truth: that it has nothing."""
    for engine in ENGINES:
        assert len(list(bombs(engine))) == {4: 15, 3: 11}[engine]
        for name, kind in bombs(engine):
            empty = words(kind, 0x80000000, 0, 0) if name == "node_path" else words(kind, 0)
            assert decode_variant(empty, 0, engine, False)[1] == len(empty), name
