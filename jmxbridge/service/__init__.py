"""What a long-running process needs: the grid, logging, signals, systemd."""
