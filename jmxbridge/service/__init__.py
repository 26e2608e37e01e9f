"""What a long-running process needs: logging, signals, systemd, garbage collection."""
