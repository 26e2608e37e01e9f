"""What was polled and is not yet in InfluxDB, in SQLite. Points are bytes here."""
