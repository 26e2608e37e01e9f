"""Examination of the limit of open files, and of optional software that a file needs."""

import importlib.util
import shutil
from collections.abc import Callable

from jmxbridge.config.model.models import Settings
from jmxbridge.config.values.grammar import is_pkcs12
from jmxbridge.doctor.finding import Area, Finding

BASE_FILES = 64
"""Log, store, InfluxDB, event loop, and the brokers of a usual cluster."""

FILES_PER_TARGET = 2
"""While connecting, a target has connections to two ports."""


def examine_files(settings: Settings, soft_limit: int) -> Area:
    """Compare the limit of open files (RLIMIT_NOFILE) with the number of targets."""
    targets = len(settings.targets)
    needed = BASE_FILES + FILES_PER_TARGET * targets
    if soft_limit < 0 or soft_limit >= needed:  # negative: no limit
        return Area("limits")
    problem = f"{soft_limit} open files are allowed, but {targets} targets may need {needed}"
    fix = f"Set LimitNOFILE={needed} in the service, or `ulimit -n {needed}` in the shell"
    return Area("limits", (Finding("", problem, fix),))


def examine_extras(
    settings: Settings,
    *,
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
    find_program: Callable[[str], str | None] = shutil.which,
) -> Area:
    """Check that the software which some keys of a file need is installed."""
    findings = []
    mechanism = settings.kafka and settings.kafka.sasl and settings.kafka.sasl.mechanism
    peers = (peer for peer in (*settings.targets, settings.kafka) if peer is not None)
    cert_files = [peer.tls.cert_file for peer in peers if peer.tls is not None]
    has_store = any(file is not None and is_pkcs12(file) for file in cert_files)
    packages = (
        ("gssapi", "gssapi", mechanism == "GSSAPI", "kafka.sasl"),
        ("msk", "aws_msk_iam_sasl_signer", mechanism == "AWS_MSK_IAM", "kafka.sasl"),
        ("pkcs12", "cryptography", has_store, "cert_file"),
    )
    for extra, module, is_needed, where in packages:
        if is_needed and not has_module(module):
            problem = f"needs the Python package {module}, which is not installed"
            findings.append(Finding(where, problem, f"pip install 'jmxbridge[{extra}]'"))
    if any(target.transport == "jmxquery" for target in settings.targets) and not find_program(
        "java"
    ):
        fix = "Install a Java runtime, or remove `transport`: the default needs none"
        findings.append(Finding("transport: jmxquery", "needs java, which is not in PATH", fix))
    return Area("packages", tuple(findings))
