"""The values that games calculate with: vectors, rotations, transforms, colours."""
