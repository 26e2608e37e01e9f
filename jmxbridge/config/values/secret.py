"""Secrets that were read from a file, and can be read again."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr


class SecretOfFile(SecretStr):
    """A secret, the file that it was read from, and how to read it again.

    `read` returns the secret as it is in the file now; it raises InvalidValue.
    """

    def __init__(self, file: Path, read: Callable[[], SecretStr]) -> None:
        super().__init__(read().get_secret_value())
        self.file = file
        self.read = read
