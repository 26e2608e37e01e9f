"""Values of single keys: addresses, durations, patterns, templates."""
