"""`mbeans suggest` against a recorded consumer.

`golden/NAME.out` is what a command prints, stdout then stderr; WRITE_GOLDEN=1 writes it.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calling import call

GOLDEN = Path(__file__).parent / "golden"
FETCH = "kafka.consumer:type=consumer-fetch-manager-metrics,*"


@pytest.fixture(autouse=True)
def _recorded_consumer(monkeypatch: pytest.MonkeyPatch, recorded_jvm: Callable[..., None]) -> None:
    """Commands run next to the golden mbeans.yaml and connect to the recorded consumer."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("suggest_fetch", FETCH), ("suggest_memory", "java.lang:type=Memory")],
)
def test_suggest_prints_a_rule_and_the_packs_that_have_one(name: str, pattern: str) -> None:
    """The rule is on stdout, ready to paste; the packs that take the MBean are on stderr."""
    result = call("mbeans", "suggest", "orders", pattern)

    assert result.exit_code == 0
    text = result.stdout + "".join(f"! {line}\n" for line in result.stderr.splitlines())
    if os.environ.get("WRITE_GOLDEN"):
        (GOLDEN / f"{name}.out").write_text(text)
    assert text == (GOLDEN / f"{name}.out").read_text()


def test_suggest_of_no_mbean_is_a_finding() -> None:
    """Status 1, with the pattern that matched nothing."""
    result = call("mbeans", "suggest", "orders", "kafka.nowhere:*")

    assert result.exit_code == 1
    assert "no MBean of orders matches kafka.nowhere:*" in result.stderr
