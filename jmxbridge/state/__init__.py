"""Files next to the store that survive a restart: lag state and poll times."""
