"""A Kafka client: groups, committed offsets, end offsets. The only importer of kio."""
