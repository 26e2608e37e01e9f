"""Settings as models: made by code, frozen, and the values they derive."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jmxbridge.config.model.models import (
    DiscoverSettings,
    Settings,
    TargetSettings,
    TlsSettings,
)
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import Address
from jmxbridge.config.values.broker_templates import BrokerTemplate
from jmxbridge.config.values.jmx_address import JmxAddress, parse_jmx_address


def target(jmx: str, **options: Any) -> TargetSettings:
    """Make a target."""
    return TargetSettings(name="t", jmx=parse_jmx_address(jmx), collect=("s",), **options)


def discovery(port: str) -> DiscoverSettings:
    """Make a target for each broker, with a template of its JMX port."""
    return DiscoverSettings(
        discover="kafka", jmx_port=BrokerTemplate(port), collect=("s",), tags={"dc": "eu"}
    )


def test_settings_can_be_made_by_code() -> None:
    """Values that are no texts are taken unchanged; a set without rules gives none."""
    target = TargetSettings(name="t", jmx=JmxAddress("h", 1), collect=("s",))
    settings = Settings(path=Path("x"), interval_s=0.5, targets=(target,), mbeans={"s": ()})

    assert settings.rules_for(target) == ()


def test_settings_are_frozen() -> None:
    """Assignment is refused."""
    settings = Settings(path=Path("x"))

    with pytest.raises(ValidationError, match="frozen"):
        settings.cluster = "y"


def test_invalid_settings_do_not_show_their_values() -> None:
    """An error may be printed anywhere, so it names the key alone."""
    with pytest.raises(ValidationError) as caught:
        target("h:1", tokn="swordfish")

    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("jmx", "options", "server"),
    [
        ("h:1", {}, (None, None)),
        ("h:1", {"rmi_host": "s", "rmi_port": 2}, ("s", 2)),
        ("service:jmx:rmi://s:2/jndi/rmi://h:1/jmxrmi", {}, ("s", 2)),
    ],
)
def test_server_of_a_target(
    jmx: str, options: dict[str, object], server: tuple[str | None, int | None]
) -> None:
    """Keys of their own, or the long form, replace the address that the JVM advertises."""
    made = target(jmx, **options)

    assert (made.server_host, made.server_port) == server


@pytest.mark.parametrize(
    ("jmx", "options", "url"),
    [
        ("h:1", {}, None),
        ("h:1", {"transport": "jolokia"}, "http://h:1/jolokia/"),
        ("h:1", {"transport": "jolokia", "tls": TlsSettings()}, "https://h:1/jolokia/"),
        ("http://h/x", {"transport": "jolokia"}, "http://h/x/"),
    ],
)
def test_jolokia_url_of_a_target(jmx: str, options: dict[str, object], url: str | None) -> None:
    """Only a target with this transport has one; TLS makes it https."""
    assert target(jmx, **options).jolokia_url == url


def test_discovered_target_has_the_options_of_its_entry() -> None:
    """Name and port come from the templates, the host from the broker."""
    made = discovery("{id+9998}").target(7, Address("k7", 9092))

    assert (made.name, made.jmx) == ("broker-7", JmxAddress("k7", 10_005))
    assert (made.collect, made.tags) == (("s",), {"dc": "eu"})


def test_discovered_target_without_a_port_is_refused() -> None:
    """A template that is fine for one broker may give no port for another."""
    with pytest.raises(InvalidValue, match="not a TCP port"):
        discovery("99{id}").target(1001, Address("k", 9092))
