"""Files next to the store that outlive a restart: lag state and poll times."""
