"""Lag over time: seconds behind, rates, statuses, and groups that vanished."""
