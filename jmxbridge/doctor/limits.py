"""What a process of this machine may have, and what a file needs of it."""

import importlib.util
import shutil
from collections.abc import Callable

from jmxbridge.config.model.models import Settings
from jmxbridge.config.values.grammar import is_pkcs12
from jmxbridge.doctor.finding import Area, Finding

FILES_OF_OUR_OWN = 64
"""Log, store, InfluxDB, event loop, Kafka's brokers in a usual cluster."""

FILES_OF_A_TARGET = 2
"""While it connects it is asked at two ports."""


def examine_files(settings: Settings, soft_limit: int) -> Area:
    """Judge the limit of open files (RLIMIT_NOFILE) by the number of targets."""
    targets = len(settings.targets)
    needed = FILES_OF_OUR_OWN + FILES_OF_A_TARGET * targets
    if soft_limit < 0 or soft_limit >= needed:  # negative: none
        return Area("limits")
    said = f"{soft_limit} open files are allowed, and {targets} targets may need {needed}"
    mend = f"Set LimitNOFILE={needed} in the service, or `ulimit -n {needed}` in the shell"
    return Area("limits", (Finding("", said, mend),))


def examine_extras(
    settings: Settings,
    *,
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
    find_program: Callable[[str], str | None] = shutil.which,
) -> Area:
    """Judge whether what some keys of a file need is installed."""
    found = []
    mechanism = settings.kafka and settings.kafka.sasl and settings.kafka.sasl.mechanism
    secured = (each.tls for each in (*settings.targets, settings.kafka) if each is not None)
    stores = [each.cert_file for each in secured if each is not None]
    has_store = any(each is not None and is_pkcs12(each) for each in stores)
    wanted = (
        ("gssapi", "gssapi", mechanism == "GSSAPI", "kafka.sasl"),
        ("msk", "aws_msk_iam_sasl_signer", mechanism == "AWS_MSK_IAM", "kafka.sasl"),
        ("pkcs12", "cryptography", has_store, "cert_file"),
    )
    for extra, module, is_wanted, where in wanted:
        if is_wanted and not has_module(module):
            said = f"needs the Python package {module}, which is not installed"
            found.append(Finding(where, said, f"pip install 'jmxbridge[{extra}]'"))
    if any(each.transport == "jmxquery" for each in settings.targets) and not find_program("java"):
        mend = "Install a Java runtime, or leave `transport` out: it needs none"
        found.append(Finding("transport: jmxquery", "needs java, which is not in PATH", mend))
    return Area("packages", tuple(found))
