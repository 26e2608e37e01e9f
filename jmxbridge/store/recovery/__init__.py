"""Recovery of a damaged store: quarantine of damaged rows, rescue of a damaged file."""
