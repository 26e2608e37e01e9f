"""Consumers as seen over JMX, and verdicts on them."""
