"""Points of lag rows: selection of rows, names of fields."""
