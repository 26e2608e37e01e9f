"""Warnings about unprotected connections to a JVM."""

import pytest

from jmxbridge.transports.exposure import ExposureWarning, is_loopback

RISK = "JMX without TLS"


def exposure(*, has_tls: bool = False, has_password: bool = False) -> ExposureWarning:
    """The warning of one connection."""
    return ExposureWarning("jvm:9999", RISK, has_tls=has_tls, has_password=has_password)


def test_exposure_warning_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is made again is no news."""
    warning = exposure()
    for _ in range(3):
        warning.check("192.0.2.7")
    assert caplog.messages == [f"jvm:9999: {RISK} (see username, password_file and tls)"]


def test_exposure_warning_of_a_password(caplog: pytest.LogCaptureFixture) -> None:
    """With a password the risk is another one: that it is read."""
    exposure(has_password=True).check("192.0.2.7")
    assert caplog.messages == [
        "jvm:9999: the password goes over the network unencrypted"
        " (see username, password_file and tls)"
    ]


def test_exposure_warning_of_an_unknown_peer(caplog: pytest.LogCaptureFixture) -> None:
    """An address that is not known may be anywhere."""
    exposure().check(None)
    assert len(caplog.messages) == 1


def test_exposure_warning_spares_tls_and_this_machine(caplog: pytest.LogCaptureFixture) -> None:
    """Neither of them is exposed; the first connection to another machine is, all the same."""
    exposure(has_tls=True).check("192.0.2.7")
    local = exposure()
    local.check("127.0.0.1")
    assert caplog.messages == []
    local.check("192.0.2.7")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", False),
        ("192.0.2.7", False),
        (None, False),
    ],
)
def test_is_loopback(host: str | None, expected: bool) -> None:
    """Addresses may have a zone; an unknown one is not this machine."""
    assert is_loopback(host) is expected
