"""History of lag: time lags, rates, statuses, consumers, and vanished groups."""
