"""An MIT Kerberos KDC on loopback with a new realm."""

import shutil
import subprocess
from pathlib import Path

from demo.process import Process, accepts, free_port
from demo.server import Server

REALM = "TEST.INTERNAL"
_PROGRAMS = ("kdb5_util", "kadmin.local", "krb5kdc")


def programs() -> dict[str, str]:
    """Return paths of the administrator's programs that are installed."""
    paths = {name: shutil.which(name, path="/usr/sbin:/usr/local/sbin") for name in _PROGRAMS}
    return {name: path for name, path in paths.items() if path is not None}


def is_installed() -> bool:
    """Whether all programs are installed."""
    return len(programs()) == len(_PROGRAMS)


class Kdc(Server):
    """A realm; `config` is what clients need in KRB5_CONFIG, or java.security.krb5.conf."""

    def __init__(self, folder: Path) -> None:
        super().__init__("kdc", folder)
        self.port = free_port()
        self.config = folder / "krb5.conf"
        self._env = {
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        }

    def add(self, *principals: str) -> Path:
        """Create principals with random keys; return their keytab."""
        keytab = self.folder / f"{principals[0].partition('/')[0]}.keytab"
        for principal in principals:
            self._run("kadmin.local", "-q", f"addprinc -randkey {principal}")
            self._run("kadmin.local", "-q", f"ktadd -k {keytab} {principal}")
        return keytab

    def _launch(self) -> Process:
        if not self.config.exists():
            self._configure()
        command = [programs()["krb5kdc"], "-n"]
        return Process(command, log=self.folder / "kdc.log", env=self._env)

    def _await_ready(self, process: Process) -> None:
        process.wait_until(lambda: accepts(self.port))

    def _configure(self) -> None:
        self.config.write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n"
            f"[domain_realm]\n localhost = {REALM}\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n"
            f" kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n {REALM} = {{\n database_name = {self.folder / 'principal'}\n"
            f" key_stash_file = {self.folder / 'stash'}\n }}\n"
        )
        self._run("kdb5_util", "create", "-s", "-P", "of no use", "-r", REALM)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [programs()[program], *arguments],
            check=True,
            capture_output=True,
            env={**self._env, "PATH": "/usr/sbin:/usr/bin"},
        )
