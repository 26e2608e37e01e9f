"""Sockets to a JVM: lookup, connect, TLS, one channel per connection."""
