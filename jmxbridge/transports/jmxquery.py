"""Transport over the jmxquery package, which starts a Java process for each query.

It needs Java on this machine and costs a JVM per poll. It exists for users who trust Java's own
client more than ours, and as an oracle in tests. This file turns the failures of the package into
errors: a query that times out gives an empty list or an AttributeError, an unreachable JVM gives a
CalledProcessError whose text is the Java stack trace, and a bean that lacks an attribute is not in
the answer.
"""

import asyncio
import errno
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jmxquery

from jmxbridge.jmx.errors import ConnectionFailed, JmxError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite, Value
from jmxbridge.mbeans.discovery import find_claims
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.exposure import ExposureWarning


class JmxqueryTransport:
    """Reads one JVM through jmxquery. `timeout_s` ends the Java process of a query."""

    def __init__(self, host: str, port: int, *, timeout_s: float) -> None:
        self._host = host
        self._where = f"{host}:{port}"
        self._jmx = jmxquery.JMXConnection(f"service:jmx:rmi:///jndi/rmi://{self._where}/jmxrmi")
        self._timeout_s = timeout_s
        # The package has neither TLS nor, here, a password.
        self._exposure = ExposureWarning(
            self._where,
            "JMX without TLS and without a password: anyone who reaches that port can use it",
            has_tls=False,
            has_password=False,
            advice="transport: rmi has username, password_file and tls",
        )
        self.series_limited = 0
        self.costs: Mapping[str, int] = {}  # the package does not report them
        self.peer_host: str | None = None  # nor the address
        # A thread of its own: a query that outlives its poll delays only this target's next one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jmxquery")

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes; raises `JmxError`."""
        queries = [
            jmxquery.JMXQuery(bean.canonical, attribute)
            for rule in rules
            for bean in rule.beans
            for attribute in dict.fromkeys(field.attribute for field in rule.fields)
        ]
        if not queries:
            return []
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._thread, self._query, queries)
        mbeans = by_mbean(rows)
        claims = find_claims(rules, mbeans)
        self.series_limited = claims.series_limited
        return [
            Reading(claim.rule, claim.name, only(claim.rule, mbeans[claim.name]))
            for claim in claims
        ]

    async def close(self) -> None:
        """Shut the thread down; a Java process still running ends with its own timeout."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _query(self, queries: list[Any]) -> list[Any]:
        started_s = time.monotonic()
        try:
            rows: list[Any] = self._jmx.query(queries, timeout=self._timeout_s)
        except FileNotFoundError as exc:
            raise ConnectionFailed(
                "transport jmxquery needs Java on this machine and found no `java` on the PATH;"
                " install a Java runtime, or leave `transport` out",
                "java_missing",
            ) from exc
        except OSError as exc:  # mostly E2BIG: its arguments hold every attribute to read
            advice = "collect less, or " if exc.errno == errno.E2BIG else ""
            raise ConnectionFailed(
                f"{self._where}: java cannot be started for {len(queries)} attributes:"
                f" {exc.strerror}; {advice}leave `transport` out",
                "java_failed",
            ) from exc
        except subprocess.CalledProcessError as exc:
            raise ConnectionFailed(
                f"{self._where}: {last_cause(exc.stderr or exc.output or b'')}",
                "unreachable",
            ) from exc
        except AttributeError as exc:  # the package decodes output that a killed process lacks
            raise self._timed_out() from exc
        except ValueError as exc:
            raise JmxError(f"{self._where}: jmxquery printed something other than JSON") from exc
        if not rows and time.monotonic() - started_s >= self._timeout_s:
            raise self._timed_out()
        if self._exposure.is_due:
            self._exposure.check(address(self._host))
        return rows

    def _timed_out(self) -> ConnectionFailed:
        return ConnectionFailed(
            f"{self._where}: jmxquery did not answer within {self._timeout_s:g} s",
            "timeout",
        )


def address(host: str) -> str | None:
    """Return an IP address of a host, or None if it has none."""
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return str(infos[0][4][0])


def by_mbean(rows: Sequence[Any]) -> dict[ObjectName, dict[str, Value]]:
    """Return attributes by MBean from jmxquery's rows, one for each value.

    The items of a composite have a row each and become one Composite again.
    """
    mbeans: dict[ObjectName, dict[str, Value]] = {}
    items: dict[tuple[ObjectName, str], dict[str, Value]] = {}
    for row in rows:
        name = ObjectName.parse(row.mBeanName)
        if row.attributeKey is None:
            mbeans.setdefault(name, {})[row.attribute] = row.value
        else:
            items.setdefault((name, row.attribute), {})[row.attributeKey] = row.value
    for (name, attribute), values in items.items():
        mbeans.setdefault(name, {})[attribute] = Composite(values)
    return mbeans


def only(rule: Rule, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the attributes that the rule names; the others were read for another rule."""
    names = {field.attribute for field in rule.fields}
    return {name: value for name, value in values.items() if name in names}


def last_cause(stack_trace: bytes) -> str:
    """Return the line of a Java stack trace that names the root cause."""
    lines = stack_trace.decode("utf-8", "replace").splitlines()
    causes = [line.removeprefix("Caused by: ").strip() for line in lines if "Exception" in line]
    return causes[-1][:300] if causes else "jmxquery failed without a message"
