"""Which keys belong to which SASL mechanism, as data.

Amazon's mechanism is OAUTHBEARER on the wire, with a token that AWS's own package signs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Keys:
    """What a mechanism needs, one key of each group, and what it may have beside that."""

    needs: tuple[tuple[str, ...], ...] = ()
    may: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Every key there may be beside `mechanism`."""
        return frozenset((*self.may, *(key for group in self.needs for key in group)))


_PASSWORD = Keys((("username",), ("password", "password_file")))

KEYS: Mapping[str, Keys] = MappingProxyType(
    {
        "PLAIN": _PASSWORD,
        "SCRAM-SHA-256": _PASSWORD,
        "SCRAM-SHA-512": _PASSWORD,
        "OAUTHBEARER": Keys(
            (("token_url",), ("client_id",), ("client_secret", "client_secret_file")),
            ("scope", "token_ca_file"),
        ),
        "GSSAPI": Keys((), ("service", "principal", "keytab_file")),
        "AWS_MSK_IAM": Keys((("region",),)),
    }
)
MECHANISMS = tuple(KEYS)

SEEN: Mapping[str, str] = MappingProxyType(
    {
        "PLAIN": "the password can be read",
        "SCRAM-SHA-256": "a weak password can be guessed from what is seen",
        "SCRAM-SHA-512": "a weak password can be guessed from what is seen",
        "OAUTHBEARER": "the token can be read",
        "AWS_MSK_IAM": "the token can be read",
    }
)
"""What an eavesdropper has of a login without TLS."""
