"""Keys of each SASL mechanism, as data.

AWS_MSK_IAM is OAUTHBEARER on the wire, with a token that AWS's own package signs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class MechanismKeys:
    """Keys of one mechanism: one key of each group in `needs`, and optional keys in `may`."""

    needs: tuple[tuple[str, ...], ...] = ()
    may: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Every key that the mechanism takes, except `mechanism` itself."""
        return frozenset((*self.may, *(key for group in self.needs for key in group)))


_PASSWORD = MechanismKeys((("username",), ("password", "password_file")))

KEYS: Mapping[str, MechanismKeys] = MappingProxyType(
    {
        "PLAIN": _PASSWORD,
        "SCRAM-SHA-256": _PASSWORD,
        "SCRAM-SHA-512": _PASSWORD,
        "OAUTHBEARER": MechanismKeys(
            (("token_url",), ("client_id",), ("client_secret", "client_secret_file")),
            ("scope", "token_ca_file"),
        ),
        "GSSAPI": MechanismKeys((), ("service", "principal", "keytab_file")),
        "AWS_MSK_IAM": MechanismKeys((("region",),)),
    }
)
MECHANISMS = tuple(KEYS)

EXPOSED: Mapping[str, str] = MappingProxyType(
    {
        "PLAIN": "the password can be read",
        "SCRAM-SHA-256": "a weak password can be guessed from what is seen",
        "SCRAM-SHA-512": "a weak password can be guessed from what is seen",
        "OAUTHBEARER": "the token can be read",
        "AWS_MSK_IAM": "the token can be read",
    }
)
"""Risk of a login without TLS, by mechanism; a ticket of GSSAPI has none."""
