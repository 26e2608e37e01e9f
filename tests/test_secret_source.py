"""secret_source: secrets that change in their files."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from jmxbridge.config.loader import load
from jmxbridge.config.values.scalars import Secret
from jmxbridge.secret_source import secret_source


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a secret."""
    file = tmp_path / "kafka.secret"
    file.write_text("old-fish\n")
    return file


@pytest.fixture
def secret(file: Path) -> Secret:
    """That secret in the settings of a file."""
    settings = file.with_name("mbeans.yaml")
    login = f"{{mechanism: PLAIN, username: ann, password_file: {file.name}}}"
    settings.write_text(f"kafka: {{bootstrap: 'k:9092', sasl: {login}}}\n")
    kafka = load(settings, {}).kafka
    assert kafka is not None
    assert kafka.sasl is not None
    assert kafka.sasl.password is not None
    return kafka.sasl.password


def test_a_secret_of_the_settings_stays_the_same() -> None:
    """It is in no file of its own."""
    assert secret_source(SecretStr("old-fish"))() == "old-fish"


def test_a_replaced_secret_is_read_at_the_next_call(file: Path, secret: Secret) -> None:
    """Without a restart; the line break at its end is not part of it."""
    source = secret_source(secret)
    assert source() == "old-fish"

    file.write_text("new-fish\n")

    assert source() == "new-fish"


def test_a_file_without_a_secret_leaves_the_last_one(
    file: Path, secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    """Reported once while it lasts, with the file and the reason, never with the secret."""
    source = secret_source(secret)
    file.write_text("new-fish\n")
    assert source() == "new-fish"

    with caplog.at_level(logging.WARNING):
        file.write_text("")
        assert [source(), source()] == ["new-fish", "new-fish"]
        file.unlink()
        assert source() == "new-fish"
        file.write_text("newest-fish")
        assert source() == "newest-fish"
        file.write_text("two\nlines")
        assert source() == "newest-fish"

    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: is empty; logins use the secret that was read last from it",
        f"{file}: contains a control character (a line break?); logins use the secret that was"
        " read last from it",
    ]
