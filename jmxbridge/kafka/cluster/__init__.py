"""One view of a cluster: groups, commits, end offsets and members, read in one poll."""
