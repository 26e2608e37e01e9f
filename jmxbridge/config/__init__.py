"""Reader of mbeans.yaml: frozen settings, or every problem at once with file, line and column."""
