"""Java object serialization: the stream of a reply as Python values."""
