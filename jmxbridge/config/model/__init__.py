"""Models of settings and rule entries, and the reader that makes them of a tree."""
