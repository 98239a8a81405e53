"""The values that games count with: vectors, rotations, transforms, colors."""
