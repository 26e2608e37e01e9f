"""Certificates for tests, made with openssl, and Java key stores with them.

They are valid for 127.0.0.1 only.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

STORE_PASSWORD = "keep-out"  # noqa: S105 - key stores live as long as a test
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


@dataclass(frozen=True, slots=True)
class Papers:
    """PEM files by name: `ca`, `other_ca`; signed by `ca`: `server`, `client`, `expired`; by
    `other_ca`: `stranger`.

    `NAME_key` is the key of each; `NAME.p12` in the folder has both, `trust.p12` has `ca`.
    """

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / f"{name}.pem"


def make_papers(folder: Path) -> Papers:
    """Create all certificates and key stores."""
    for name in ("ca", "other_ca"):
        _authority(folder, name)
    for name, days in (("server", 30), ("client", 30), ("expired", -1)):
        _sign(folder, name, "ca", days=days)
    _sign(folder, "stranger", "other_ca", days=30)
    _run(
        folder,
        f"keytool -importcert -noprompt -alias ca -file ca.pem -storetype PKCS12"
        f" -keystore trust.p12 -storepass {STORE_PASSWORD}",
    )
    return Papers(folder)


def _authority(folder: Path, name: str) -> None:
    options = f"{_KEY} -x509 -days 30"
    _run(folder, f"openssl req {options} -keyout {name}_key.pem -out {name}.pem -subj /CN={name}")


def _sign(folder: Path, name: str, authority: str, *, days: int) -> None:
    _run(folder, f"openssl req {_KEY} -keyout {name}_key.pem -out {name}.csr -subj /CN={name}")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
    _run(
        folder,
        f"openssl x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}_key.pem"
        f" -CAcreateserial -days {days} -extfile san -out {name}.pem",
    )
    _run(
        folder,
        f"openssl pkcs12 -export -in {name}.pem -inkey {name}_key.pem -name {name}"
        f" -passout pass:{STORE_PASSWORD} -out {name}.p12",
    )


def _run(folder: Path, command: str) -> None:
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
