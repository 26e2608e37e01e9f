"""SecretOfFile: a secret that can be read again."""

from pathlib import Path

from pydantic import SecretStr

from jmxbridge.config.values.secret import SecretOfFile


def test_a_secret_of_a_file_is_read_now_and_again() -> None:
    """Its value stays the first one; `read` has what the file has now."""
    contents = iter(["old-fish", "new-fish"])
    secret = SecretOfFile(Path("/run/x"), lambda: SecretStr(next(contents)))

    assert (secret.get_secret_value(), secret.file) == ("old-fish", Path("/run/x"))
    assert secret.read().get_secret_value() == "new-fish"
    assert "fish" not in f"{secret} {secret!r}"
