"""Findings as one line of text."""

import pytest

from jmxbridge.doctor.finding import Finding


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("kafka", "no answer"), "kafka: no answer"),
        (Finding("", "no answer"), "no answer"),
        (Finding("kafka", "no answer", "Start it"), "kafka: no answer. Start it"),
        (Finding("kafka", "Is it up?", "Start it"), "kafka: Is it up? Start it"),
        (Finding("", "no answer (timeout.)", "Start it"), "no answer (timeout.) Start it"),
    ],
    ids=["no fix", "no place", "all three", "a question", "a full stop in brackets"],
)
def test_finding_as_text(finding: Finding, line: str) -> None:
    """Where, what, and how to fix it, each only where it is known; one stop between them."""
    assert str(finding) == line
