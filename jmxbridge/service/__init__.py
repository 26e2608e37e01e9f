"""The needs of a long-running process: logging, signals, systemd, tasks, garbage collection."""
