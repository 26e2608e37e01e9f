"""A real InfluxDB 1.8: /api/v2/write, InfluxQL, no password."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.cache import influxd
from demo.process import Process, ServerError, free_port
from demo.server import Server

ASK_S = 60.0
CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"

[meta]
  dir = "{folder}/meta"

[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false

[monitor]
  store-enabled = false

[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
{http}"""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback has no proxy

Row = dict[str, Any]


class Influx(Server):
    """An influxd: started by `start` or `with`; port and data survive a restart.

    `http` has further settings of its [http] section, as TOML values.
    """

    def __init__(
        self, folder: Path | None = None, *, http: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("influxd", folder)
        self.port = free_port()
        self._binary = influxd()
        self._config = CONFIG.format(
            folder=self.folder,
            port=self.port,
            rpc_port=free_port(),
            http="".join(f"  {key} = {value}\n" for key, value in (http or {}).items()),
        )

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def _launch(self) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "influxdb.conf"
        config.write_text(self._config)
        return Process([self._binary, "run", "-config", config], log=self.folder / "influxd.log")

    def _await_ready(self, process: Process) -> None:
        process.wait_until(self.answers)

    def answers(self) -> bool:
        """Whether /ping answers 204."""
        try:
            with OPENER.open(f"{self.url}/ping", timeout=5) as reply:
                return bool(reply.status == 204)
        except OSError:
            return False

    def create_database(self, name: str | None = None) -> str:
        """Create a database and return its name, a unique one by default."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        self.query(f'CREATE DATABASE "{name}"')
        return name

    def query(self, influxql: str, database: str = "") -> list[Row]:
        """Run one statement; return rows as column → value, with tags; `time` in nanoseconds."""
        form = urllib.parse.urlencode({"q": influxql, "db": database, "epoch": "ns"}).encode()
        request = urllib.request.Request(f"{self.url}/query", form)  # noqa: S310 - ours, loopback
        try:
            with OPENER.open(request, timeout=ASK_S) as reply:
                (result,) = json.load(reply)["results"]
        except urllib.error.HTTPError as exc:
            raise ServerError(f"{influxql}: {exc.read().decode(errors='replace')}") from None
        if "error" in result:
            raise ServerError(f"{influxql}: {result['error']}")
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
            for series in result.get("series", [])
            for values in series.get("values", [])
        ]
