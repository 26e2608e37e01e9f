"""Login to a broker: TLS, SASL mechanisms and their tokens."""
