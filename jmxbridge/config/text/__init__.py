"""Text of a file: YAML parsing, positions, excerpts, secrets, problems."""
