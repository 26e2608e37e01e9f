"""Lag as text for a terminal: tables, sentences, sparklines."""
