"""Polls of a whole cluster: groups, commits, end offsets and members."""
