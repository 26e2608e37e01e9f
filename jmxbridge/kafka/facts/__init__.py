"""Facts about a Kafka cluster as plain values: groups, commits, offsets, members."""
