"""Open files and optional software that a file needs."""

from pathlib import Path

import pytest

from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.doctor.limits import examine_extras, examine_files


def settings(folder: Path, text: str) -> Settings:
    """Load a file."""
    (folder / "mbeans.yaml").write_text(text)
    return load(folder / "mbeans.yaml", {})


def targets(count: int, more: str = "") -> str:
    """Return this many targets."""
    lines = (f"  - {{name: t{n}, jmx: 'h{n}:9999', collect: jvm{more}}}\n" for n in range(count))
    return "targets:\n" + "".join(lines)


@pytest.mark.parametrize(("limit", "is_fine"), [(264, True), (263, False), (-1, True)])
def test_open_files_by_targets(tmp_path: Path, limit: int, is_fine: bool) -> None:
    """Two for each target and 64 more; a negative limit means none."""
    area = examine_files(settings(tmp_path, targets(100)), limit)
    assert (area.findings == ()) == is_fine
    for finding in area.findings:
        assert "LimitNOFILE=264" in finding.fix


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("kafka: {bootstrap: k:1, sasl: {mechanism: GSSAPI}}", "pip install 'jmxbridge[gssapi]'"),
        ("kafka: {bootstrap: k:1, sasl: {mechanism: AWS_MSK_IAM, region: eu-west-1}}",
         "pip install 'jmxbridge[msk]'"),
        ("kafka: {bootstrap: k:1, tls: {cert_file: me.p12}}", "pip install 'jmxbridge[pkcs12]'"),
        (targets(1, ", tls: {cert_file: me.p12}"), "pip install 'jmxbridge[pkcs12]'"),
        (targets(1, ", transport: jmxquery"), "Install a Java runtime"),
    ],
)  # fmt: skip
def test_missing_extras_are_named_with_their_command(tmp_path: Path, text: str, fix: str) -> None:
    """With the command that installs it; installed ones are not mentioned."""
    file = settings(tmp_path, text)
    nothing = examine_extras(file, has_module=lambda _: False, find_program=lambda _: None)
    assert [finding.fix for finding in nothing.findings if fix in finding.fix] != []
    assert len(nothing.findings) == 1
    everything = examine_extras(file, has_module=lambda _: True, find_program=lambda _: "/bin/java")
    assert everything.findings == ()


def test_a_plain_file_needs_no_extra(tmp_path: Path) -> None:
    """Only certain keys need optional software."""
    file = settings(tmp_path, targets(1) + "kafka: {bootstrap: k:1, tls: {cert_file: me.pem}}\n")
    assert (
        examine_extras(file, has_module=lambda _: False, find_program=lambda _: None).findings == ()
    )
