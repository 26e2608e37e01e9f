"""mbeans.yaml to frozen settings; every problem at once, with file, line and column."""
