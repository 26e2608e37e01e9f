"""Pollers on the interval's grid: targets, lag and self-report; their schedule and supervisor."""
