"""Settings written as files: the effective file, origins of values, a new file."""
