"""The engine's vectors: `Vector2`, `Vector3`, `Vector4` of floats, `Vector2i`, `Vector3i`, `Vector4i` of whole numbers.

Layer: `variant`.
"""

from __future__ import annotations

from gdpeer.variant.math.real_vectors import Vector2, Vector3, Vector4
from gdpeer.variant.math.whole_vectors import Vector2i, Vector3i, Vector4i

__all__ = ["Vector2", "Vector2i", "Vector3", "Vector3i", "Vector4", "Vector4i"]
