"""Settings shown back to people: effective file, origins of values, a first file."""
