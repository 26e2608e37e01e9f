"""Numbers with their noun, for people."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 group`, `3 groups`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
