"""Everything that is polled on the grid: targets, the lag of a cluster, and their schedule."""
