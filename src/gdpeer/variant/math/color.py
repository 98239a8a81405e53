"""`Color`: red, green, blue and alpha, from 0 to 1; larger numbers are brighter than white.

Names, arguments and results are the engine's, to the last bit except for `srgb_to_linear` and `linear_to_srgb`.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from string import hexdigits
from typing import Any, Final, Self, cast, overload

from gdpeer.errors import VariantError
from gdpeer.variant.math.flat import SequenceOfNumbers, field, numbers_in
from gdpeer.variant.math.named_colors import NamedColors
from gdpeer.variant.math.numbers import Real, clamped, plain_text, real

__all__ = ["Color"]


def _eight_bits(index: int) -> int:
    return cast("int", property(lambda color: _step(color[index])))


class Color(NamedColors):
    """A colour. `Color(r, g, b, a)`, `Color(from, alpha)`, or `Color(code, alpha)`: a name, `#rgb[a]` or `#rrggbb[aa]`.

    Raises:
        VariantError: the code is not valid.
    """

    __slots__ = ()
    WIDTH = 4

    r: Final[float] = field(0)
    g: Final[float] = field(1)
    b: Final[float] = field(2)
    a: Final[float] = field(3)
    r8: Final[int] = _eight_bits(0)
    """The red part, from 0 to 255."""
    g8: Final[int] = _eight_bits(1)
    """The green part, from 0 to 255."""
    b8: Final[int] = _eight_bits(2)
    """The blue part, from 0 to 255."""
    a8: Final[int] = _eight_bits(3)
    """The alpha part, from 0 to 255."""

    @overload
    def __new__(cls, from_: Color | str | SequenceOfNumbers = ..., alpha: float = ..., /) -> Self: ...
    @overload
    def __new__(cls, r: float, g: float, b: float, a: float = 1.0) -> Self: ...
    def __new__(cls, r: Any = 0.0, g: Any = None, b: Any = 0.0, a: float = 1.0) -> Self:
        """Makes a colour of numbers, another colour, or a code."""
        if isinstance(r, str):
            r = cls._coded(r)
        if isinstance(r, Color):
            return cls.of(r.r, r.g, r.b, r.a if g is None else g)
        numbers = numbers_in(r)
        if numbers is None:
            return cls.of(r, 0.0 if g is None else g, b, a)
        if not isinstance(r, tuple | list) and all(isinstance(number, int) for number in numbers):
            # A pygame.Color or bytes: its numbers would make colours up to 255 times as bright as white.
            raise TypeError(f"a {type(r).__name__} has numbers from 0 to 255: use Color.from_rgba8()")
        if len(numbers) == 3:
            numbers = *numbers, 1.0
        return cls.of(*numbers[:3], numbers[3] if g is None else g) if len(numbers) == 4 else cls.of(*numbers)

    @classmethod
    def hex(cls, hex: int) -> Self:
        """Returns the colour of a 32-bit number, `0xRRGGBBAA`."""
        return cls.of(*((hex >> shift & 0xFF) / 255.0 for shift in (24, 16, 8, 0)))

    @classmethod
    def hex64(cls, hex: int) -> Self:
        """Returns the colour of a 64-bit number, `0xRRRRGGGGBBBBAAAA`."""
        return cls.of(*((hex >> shift & 0xFFFF) / 65535.0 for shift in (48, 32, 16, 0)))

    @classmethod
    def html(cls, rgba: str) -> Self:
        """Returns the colour of a code: `rgb`, `rgba`, `rrggbb` or `rrggbbaa`, with `#` or without.

        Raises:
            VariantError: the code has another form.
        """
        if not cls.html_is_valid(rgba):
            raise VariantError(f"{rgba!r} is no colour code")
        digits = rgba.removeprefix("#")
        if len(digits) < 5:
            digits = "".join(digit * 2 for digit in digits)
        return cls.hex(int(digits.ljust(8, "f"), 16))

    @staticmethod
    def html_is_valid(color: str) -> bool:
        """Tells whether `html` accepts a code."""
        digits = color.removeprefix("#")
        return len(digits) in (3, 4, 6, 8) and all(digit in hexdigits for digit in digits)

    @classmethod
    def from_string(cls, str: str, default: Color) -> Color:
        """Returns the colour of a code or a name; `default` if the text is neither."""
        try:
            return cls._coded(str)
        except VariantError:
            return default

    @classmethod
    def _coded(cls, code: str) -> Self:
        if cls.html_is_valid(code):
            return cls.html(code)
        name = _plain(code)
        for constant, value in vars(NamedColors).items():
            if constant.isupper() and _plain(constant) == name:
                return cls.of(*value.__get__(None, Color))
        raise VariantError(f"{code!r} is neither a colour code nor a colour's name")

    @classmethod
    def from_hsv(cls, h: float, s: float, v: float, alpha: float = 1.0) -> Self:
        """Returns the colour of a hue, saturation and value, each from 0 to 1."""
        value, saturation = Real(v), Real(s)
        if not saturation:
            return cls.of(value, value, value, alpha)
        sixths = Real(h) * 6.0
        turn = math.fmod(sixths, 6.0) if math.isfinite(sixths) else math.nan
        # The engine's last case also takes numbers that are out of range or not finite.
        sector = 5 if math.isnan(turn) else math.floor(turn)
        part = Real(turn) - sector
        low = value * (1.0 - saturation)
        falling, rising = value * (1.0 - saturation * part), value * (1.0 - saturation * (1.0 - part))
        sectors = (
            (value, rising, low),
            (falling, value, low),
            (low, value, rising),
            (low, falling, value),
            (rising, low, value),
            (value, low, falling),
        )
        return cls.of(*sectors[sector if 0 <= sector < 5 else 5], alpha)

    @overload
    @classmethod
    def from_rgba8(cls, r8: SequenceOfNumbers, /) -> Self: ...
    @overload
    @classmethod
    def from_rgba8(cls, r8: int, g8: int, b8: int, a8: int = 255) -> Self: ...
    @classmethod
    def from_rgba8(cls, r8: Any, g8: Any = 0, b8: Any = 0, a8: int = 255) -> Self:
        """Returns the colour of numbers from 0 to 255, or of a sequence of 3 or 4: bytes, a `pygame.Color`."""
        numbers = tuple(r8) if hasattr(type(r8), "__getitem__") else (r8, g8, b8, a8)
        return cls.of(*(number / 255.0 for number in (numbers if len(numbers) != 3 else (*numbers, 255))))

    def to_rgba8(self) -> tuple[int, int, int, int]:
        """Returns four numbers from 0 to 255, as `pygame.Color` and most image libraries use them."""
        return self.r8, self.g8, self.b8, self.a8

    def __str__(self) -> str:
        return f"({', '.join(plain_text(number, decimals=4) for number in self)})"

    def __neg__(self) -> Self:
        return self.of(*(1.0 - number for number in self))

    @property
    def h(self) -> float:
        """The hue, from 0 to 1."""
        red, green, blue = map(Real, self[:3])
        most = max(red, green, blue)
        span = most - min(red, green, blue)
        if not span:
            return 0.0
        if red == most:
            sixths = (green - blue) / span
        elif green == most:
            sixths = 2.0 + (blue - red) / span
        else:
            sixths = 4.0 + (red - green) / span
        hue = sixths / 6.0
        return float(hue + 1.0 if hue < 0 else hue)

    @property
    def s(self) -> float:
        """The saturation, from 0 to 1."""
        most = max(self[:3])
        return float((Real(most) - min(self[:3])) / most) if most else 0.0

    @property
    def v(self) -> float:
        """The value: the largest of red, green and blue."""
        return max(self[:3])

    def to_rgba32(self) -> int:
        """Returns the colour as a 32-bit number, `0xRRGGBBAA`."""
        return _packed(self, 8)

    def to_argb32(self) -> int:
        """Returns the colour as a 32-bit number, `0xAARRGGBB`."""
        return _packed((self.a, *self[:3]), 8)

    def to_abgr32(self) -> int:
        """Returns the colour as a 32-bit number, `0xAABBGGRR`."""
        return _packed(self[::-1], 8)

    def to_argb64(self) -> int:
        """Returns the colour as a 64-bit number, `0xAAAARRRRGGGGBBBB`, signed as the engine's int."""
        return _packed((self.a, *self[:3]), 16)

    def to_abgr64(self) -> int:
        """Returns the colour as a 64-bit number, `0xAAAABBBBGGGGRRRR`, signed as the engine's int."""
        return _packed(self[::-1], 16)

    def to_rgba64(self) -> int:
        """Returns the colour as a 64-bit number, `0xRRRRGGGGBBBBAAAA`, signed as the engine's int."""
        return _packed(self, 16)

    def to_html(self, with_alpha: bool = True) -> str:
        """Returns the code `rrggbbaa`; `rrggbb` without alpha."""
        return "".join(f"{_step(number):02x}" for number in (self if with_alpha else self[:3]))

    def clamp(self, min: Color | None = None, max: Color | None = None) -> Color:
        """Limits every number to the range from `min` (default: 0) to `max` (default: 1)."""
        low, high = min or Color.of(0, 0, 0, 0), max or Color.of(1, 1, 1, 1)
        return Color.of(*map(clamped, self, low, high))

    def inverted(self) -> Color:
        """Returns the opposite colour: 1 minus each of red, green and blue; the same alpha."""
        return Color.of(*(1.0 - number for number in self[:3]), self.a)

    def lerp(self, to: Color, weight: float) -> Color:
        """Returns the colour between this (weight 0) and `to` (weight 1)."""
        return self + (to - self) * weight

    def lightened(self, amount: float) -> Color:
        """Returns a colour nearer to white by `amount`, from 0 to 1."""
        return Color.of(*(number + (1.0 - number) * real(amount) for number in map(Real, self[:3])), self.a)

    def darkened(self, amount: float) -> Color:
        """Returns a colour nearer to black by `amount`, from 0 to 1."""
        return Color.of(*(number * (1.0 - Real(amount)) for number in self[:3]), self.a)

    def blend(self, over: Color) -> Color:
        """Returns the result of `over` drawn over this colour."""
        behind = 1.0 - Real(over.a)
        alpha = self.a * behind + over.a
        if not alpha:
            return Color.of(0, 0, 0, 0)
        pairs = zip(self[:3], over[:3], strict=True)
        return Color.of(*((own * Real(self.a) * behind + its * Real(over.a)) / alpha for own, its in pairs), alpha)

    def get_luminance(self) -> float:
        """Returns the brightness that the eye sees, for linear colours."""
        return float(Real(self.r) * real(0.2126) + Real(self.g) * real(0.7152) + Real(self.b) * real(0.0722))

    def srgb_to_linear(self) -> Color:
        """Converts sRGB numbers to linear numbers."""
        return Color.of(*map(_linear, self[:3]), self.a)

    def linear_to_srgb(self) -> Color:
        """Converts linear numbers to sRGB numbers."""
        return Color.of(*map(_srgb, self[:3]), self.a)


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter not in " -_'.").lower()


def _step(number: float) -> int:
    """Converts 0 to 1 into 0 to 255; rounds halves up, cuts at both ends, and makes 0 of nan."""
    return math.floor(min(max(0.0, real(number * 255)), 255.0) + 0.5)


def _packed(numbers: tuple[float, ...], bits: int) -> int:
    """Packs numbers into `bits` bits each; rounds halves away from zero. Numbers out of range wrap as in the engine."""
    packed, most = 0, (1 << bits) - 1
    for number in numbers:
        size = real(abs(number) * most)
        step = math.floor(size + 0.5) if math.isfinite(size) else 0
        packed = packed << bits | (step if number >= 0 else -step) & most
    # The engine's int is signed.
    return packed - (1 << 64) if packed >> 63 else packed


def _linear(number: float) -> float:
    return number / 12.92 if number < 0.04045 else ((number + 0.055) / 1.055) ** 2.4


def _srgb(number: float) -> float:
    return number * 12.92 if number < 0.0031308 else 1.055 * number ** (1 / 2.4) - 0.055
