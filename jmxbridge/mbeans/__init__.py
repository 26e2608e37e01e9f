"""Rules and ObjectNames to what must be read; what was read to points. No I/O."""
