"""Removal of secrets from texts of a server, which may repeat a request's headers."""

from collections.abc import Iterable

SHORTEST_SECRET = 8
"""Shorter ones are part of ordinary words; hiding them would hide the server's message."""


class Redaction:
    """The secrets to hide, the longest first: one may contain another."""

    def __init__(self, secrets: Iterable[str]) -> None:
        hidden = (secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        self._secrets = tuple(sorted(hidden, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Replace each secret in a text by `***`."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
