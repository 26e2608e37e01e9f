"""Kafka's JMX metrics and consumer-group lag, side by side in InfluxDB."""

__version__ = "0.1.0"
