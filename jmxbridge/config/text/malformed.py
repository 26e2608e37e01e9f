"""A text that does not follow its grammar."""


class Malformed(ValueError):
    """What is wrong with a text, at which character of it (0-based), and what was meant perhaps."""

    def __init__(self, message: str, position: int = 0, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion
