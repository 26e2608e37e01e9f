"""Settings and rule entries as models, and the reading of a tree into them."""
