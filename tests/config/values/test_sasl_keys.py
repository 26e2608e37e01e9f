"""Keys of SASL mechanisms."""

import pytest

from jmxbridge.config.model.models import SaslSettings
from jmxbridge.config.values.sasl_keys import EXPOSED, KEYS, MECHANISMS, MechanismKeys


def test_known_keys_are_needed_ones_and_optional_ones() -> None:
    """Each of two alternatives is known."""
    keys = MechanismKeys((("a",), ("b", "c")), ("d",))

    assert keys.known == {"a", "b", "c", "d"}


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_known_key_is_a_setting(mechanism: str) -> None:
    """The table names no key that the model lacks."""
    assert KEYS[mechanism].known <= SaslSettings.model_fields.keys()


def test_only_gssapi_exposes_nothing() -> None:
    """A ticket of Kerberos is of no use to an eavesdropper."""
    assert set(MECHANISMS) - EXPOSED.keys() == {"GSSAPI"}
