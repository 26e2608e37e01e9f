"""Lag in words: tables, diagnoses, trends, and sentences for terminal and log."""
