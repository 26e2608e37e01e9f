"""Connections to brokers: groups, committed offsets, end offsets. The only importer of kio."""
