"""Capture the replies in this folder from real JVMs: `python -m tests.jmx.wire.capture`.

Each file is the complete reply to one request.
"""

import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.servers import Jvm, free_port
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef

HERE = Path(__file__).parent
ORACLE = HERE.parent.parent / "oracle" / "Values.java"

# Attributes left out because of their size: their replies would be 80 and 160 kB.
LARGE = {"Long", "Many"}


class Wire:
    """A blocking connection that keeps the bytes of each reply."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.protocol = Protocol()
        self.greeting = self._until(lambda: self.protocol.own_address is not None)

    def ask(self, call: Call[Any]) -> tuple[Any, bytes]:
        """Return the outcome of a call and the bytes of its reply."""
        outcome: list[Any] = []

        def answered() -> bool:
            reply = self.protocol.next_reply()
            outcome.extend([reply.outcome] if reply else [])
            return reply is not None

        self.protocol.call(call)
        raw = self._until(answered)
        return outcome[0], raw

    def save(self, name: str, call: Call[Any]) -> Any:
        """Make a call and write its reply to a file; return the outcome."""
        outcome, raw = self.ask(call)
        write(name, raw)
        return outcome

    def _until(self, done: Any) -> bytes:
        raw = b""
        while not done():
            self.sock.sendall(self.protocol.data_to_send())
            data = self.sock.recv(1 << 16)
            if not data:
                raise SystemExit(f"the JVM closed the connection after {raw!r}")
            raw += data
            self.protocol.receive_data(data)
            if self.protocol.own_address is None:
                self.protocol.next_reply()
        return raw


def write(name: str, raw: bytes) -> None:
    (HERE / f"{name}.bin").write_bytes(raw)
    sys.stdout.write(f"{name}.bin: {len(raw)} bytes\n")


def capture_values() -> None:
    """Capture from a JVM with plain JMX all that needs neither TLS nor a password."""
    with Jvm(ORACLE) as jvm:
        wire = Wire(jvm.jmx_port)
        write("greeting", wire.greeting)
        server = wire.save("lookup", calls.lookup("jmxrmi"))
        own = wire.save("new_client", calls.new_client(server))
        wire.save("default_domain", calls.get_default_domain(own))
        wire.save("names", calls.query_names(own, ObjectName.parse("odd:*")))
        wire.save("no_names", calls.query_names(own, ObjectName.parse("nowhere:*")))
        for name in ("odd:type=Numbers", "java.lang:type=Memory"):
            stem = "info_" + name.rpartition("=")[2].lower()
            wire.save(stem, calls.get_mbean_info(own, ObjectName.parse(name)))
        for kind in ("Numbers", "Texts", "Faulty", "Arrays", "Collections", "Objects", "Open"):
            capture_attributes(wire, own, kind)
        missing = ObjectName.parse("odd:type=Missing")
        wire.save("missing", calls.get_attributes(own, missing, ["A"]))
        missing_object = RemoteRef(Endpoint("127.0.0.1", 1), b"\x01" * 22, None)
        # Each of these ends its socket: the JVM leaves the arguments of such a call unread.
        Wire(jvm.jmx_port).save("no_such_object", calls.get_default_domain(missing_object))
        for kind in ("Unserializable", "Externalizable"):
            capture_attributes(Wire(jvm.jmx_port), own, kind)
        wire.save("close", calls.close(own))
        registry = free_port()
        jvm.ask(f"registry {registry}")
        wire = Wire(registry)
        wire.save("proxy", calls.lookup("proxy"))
        wire.save("not_bound", calls.lookup("jmxrmi"))


def capture_attributes(wire: Wire, own: RemoteRef, kind: str) -> None:
    name = ObjectName.parse(f"odd:type={kind}")
    info, _ = wire.ask(calls.get_mbean_info(own, name))
    attributes = [item.name for item in info.attributes if item.name not in LARGE]
    wire.save(kind.lower(), calls.get_attributes(own, name, attributes))


def capture_refusal() -> None:
    """From a JVM that wants a password: what it says to a client that gives none."""
    with tempfile.TemporaryDirectory() as folder:
        passwords = Path(folder, "passwords")
        passwords.write_text("monitorRole anything\n")
        passwords.chmod(0o600)  # the JVM refuses to start otherwise
        remote = "-Dcom.sun.management.jmxremote"
        options = [f"{remote}.authenticate=true", f"{remote}.password.file={passwords}"]
        with Jvm(ORACLE, jvm_options=options) as jvm:
            wire = Wire(jvm.jmx_port)
            server, _ = wire.ask(calls.lookup("jmxrmi"))
            wire.save("no_password", calls.new_client(server))


def capture_tls_stub() -> None:
    """From a JVM with TLS on its RMI port, its registry plain: a stub with a socket factory."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store.p12")
        run("keytool", "-genkeypair", "-keyalg", "EC", "-alias", "jvm", "-dname", "CN=localhost",
            "-storetype", "PKCS12", "-keystore", str(store), "-storepass", "changeit")  # fmt: skip
        options = [
            "-Dcom.sun.management.jmxremote.ssl=true",
            f"-Djavax.net.ssl.keyStore={store}",
            "-Djavax.net.ssl.keyStorePassword=changeit",
        ]
        rmi_port = f"-Dcom.sun.management.jmxremote.rmi.port={free_port()}"
        with Jvm(ORACLE, jvm_options=[*options, rmi_port]) as jvm:
            Wire(jvm.jmx_port).save("lookup_tls", calls.lookup("jmxrmi"))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    capture_values()
    capture_refusal()
    capture_tls_stub()


if __name__ == "__main__":
    main()
