"""Attributes that look misspelt, among the findings of `check --connect`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.cli import calling

GOLDEN = Path(__file__).parent / "golden"


def call(*args: str) -> Result:
    """Run the command in this process."""
    return calling.call("check", "--connect", *args)


def test_a_misspelt_attribute_is_a_finding(
    tmp_path: Path, recorded_jvm: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attribute similar to none that exists may belong to another version: no finding."""
    text = (GOLDEN / "mbeans.yaml").read_text()
    text = text.replace("HeapMemoryUsage.used", "HeapMemoryUsag.used")
    text = text.replace("records-lag-max: records_lag_max", "unheard-of: records_lag_max")
    (tmp_path / "mbeans.yaml").write_text(text.replace("[consumer]", "[consumer, memory, jvm]"))
    monkeypatch.chdir(tmp_path)
    recorded_jvm("consumer-4.1.0")
    report = json.loads(call("--json").stdout)
    assert [finding for finding in report["findings"] if "did you mean" in finding] == [
        "mbeans.yaml:26:7: warning: no MBean of orders has HeapMemoryUsag: did you mean"
        " HeapMemoryUsage?"
    ]
