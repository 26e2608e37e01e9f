"""Delivery to InfluxDB: line protocol, HTTP writes, and what each answer means for the lines."""
