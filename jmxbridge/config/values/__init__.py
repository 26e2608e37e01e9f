"""Types of single values: how a text becomes one, and how it is written again."""
