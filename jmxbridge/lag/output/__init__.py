"""Rows of lag as points: which rows are written, and under which names."""
