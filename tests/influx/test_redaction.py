"""Removal of secrets from texts of a server."""

import pytest

from jmxbridge.influx.redaction import SHORTEST_SECRET, Redaction


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["t0ken-of-ours"], "Token t0ken-of-ours, t0ken-of-ours", "Token ***, ***"),
        (["password1", "u:password1"], "u:password1 and password1", "*** and ***"),
        (["password1", "password1-longer"], "password1-longer", "***"),
        (["t0ken-of-ours"], "another text", "another text"),
        ([], "t0ken-of-ours", "t0ken-of-ours"),
    ],
    ids=["everywhere", "one in another", "the longest first", "not there", "no secrets"],
)
def test_redaction_replaces_every_secret(secrets: list[str], text: str, shown: str) -> None:
    """Each secret becomes ***, and nothing of a longer one is left."""
    assert Redaction(secrets)(text) == shown


def test_redaction_leaves_short_secrets() -> None:
    """A secret that may be part of an ordinary word is not hidden; an empty one hides nothing."""
    short = "x" * (SHORTEST_SECRET - 1)
    assert Redaction(["", short])(f"{short} text") == f"{short} text"
    assert Redaction([short + "x"])(f"{short}x text") == "*** text"
