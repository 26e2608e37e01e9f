"""Secrets for logins: from the settings, or from a file that is read again at each login.

Rule: a secret that is replaced in its file needs no restart, and a file that is unreadable or empty
for a moment costs no login. Then the last secret is used, and the log says so once.
"""

import logging
import threading
from collections.abc import Callable

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.scalars import Secret
from jmxbridge.config.values.secret import SecretOfFile

log = logging.getLogger(__name__)

SecretSource = Callable[[], str]
"""Returns a secret as it is now; may read a file, and never raises."""


def secret_source(secret: Secret) -> SecretSource:
    """Return the source of a secret of the settings."""
    if isinstance(secret, SecretOfFile):
        return RotatingSecret(secret)
    return secret.get_secret_value


class RotatingSecret:
    """The secret in a file, read at each call; any thread may call."""

    def __init__(self, secret: SecretOfFile) -> None:
        self._secret = secret
        self._last = secret.get_secret_value()
        self._is_stale = False
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Return the secret in the file, or the last one where the file has none."""
        with self._lock:
            try:
                self._last = self._secret.read().get_secret_value()
            except InvalidValue as exc:
                if not self._is_stale:
                    log.warning(
                        "%s: %s; logins use the secret that was read last from it",
                        self._secret.file,
                        exc.message,
                    )
                self._is_stale = True
            else:
                self._is_stale = False
            return self._last
