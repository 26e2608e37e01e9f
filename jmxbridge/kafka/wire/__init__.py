"""Kafka requests and responses as bytes: framing, codec, request classes."""
