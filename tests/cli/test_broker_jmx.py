"""Search for the JMX port of a broker."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jmxbridge import jmx
from jmxbridge.cli.broker_jmx import (
    USUAL_PORTS,
    PortAnswer,
    SoughtBroker,
    candidates,
    choose,
    try_port,
)
from jmxbridge.config.values.address import Address
from jmxbridge.jmx import ConnectionFailed, ObjectName
from tests.cli.conftest import RecordedConnection

Recorded = Callable[[str], list[Any]]
REFUSED = ("cannot connect: refused", "refused")


def answer(port: int, *names: str, failed: tuple[str, str] = ("", "")) -> PortAnswer:
    """Return the answer of a port on host k."""
    return PortAnswer(Address("k", port), [ObjectName.parse(name) for name in names], *failed)


def sought(node: int, cluster: str | None = "ours") -> SoughtBroker:
    """Return the broker that is searched for."""
    return SoughtBroker(node, "k", cluster)


def broker(node: int) -> str:
    """Return the MBean that has the id of a broker."""
    return f"kafka.server:type=app-info,id={node}"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with two JVMs with JMX, one without, and another process."""
    option = "-Dcom.sun.management.jmxremote.port="
    for number, words in enumerate(
        [
            ["java", f"{option}12345", "kafka.Kafka"],
            ["java", "-Xmx1g", f"{option}9998", "Consumer"],
            ["java", f"{option}99999", "Wrong"],
            ["sh", "-c", f"echo {option}1"],
        ]
    ):
        folder = tmp_path / str(number + 1)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"\0".join(map(str.encode, words)) + b"\0")
    (tmp_path / "9").mkdir()
    return tmp_path


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_candidates_of_this_machine_begin_with_its_command_lines(host: str, proc: Path) -> None:
    """The ports that JVMs were started with, each once, then the usual ones."""
    ports = candidates(host, None, proc)
    assert ports[:2] == (9998, 12345)
    assert set(ports[2:]) == set(USUAL_PORTS) - {9998}


def test_candidates_of_another_host_are_the_usual_ports(proc: Path) -> None:
    """Local processes tell nothing about another host; a given port is the only candidate."""
    assert candidates("kafka-1", None, proc) == USUAL_PORTS
    assert candidates("127.0.0.1", 7777, proc) == (7777,)


def test_choose_compares_broker_ids() -> None:
    """Of two brokers on one host, each JVM is taken for the broker whose id it reports."""
    answers = [answer(9999, broker(1)), answer(9998, broker(2)), answer(9997, failed=REFUSED)]
    chosen = [choose(sought(node), answers) for node in (1, 2)]
    assert [(broker.name, broker.jmx.port, broker.problem) for broker in chosen] == [
        ("broker-1", 9999, None),
        ("broker-2", 9998, None),
    ]


@pytest.mark.parametrize(("cluster", "port"), [("ours", 9998), ("theirs", 9999), (None, 9999)])
def test_choose_compares_cluster_ids(cluster: str | None, port: int) -> None:
    """Both are broker 1; if Kafka is too old to report its cluster, the first one is taken."""
    answers = [
        replace(answer(port, broker(1)), cluster=name)
        for port, name in ((9999, "theirs"), (9998, "ours"))
    ]
    assert choose(sought(1, cluster), answers).jmx.port == port
    told = choose(sought(1, "third"), answers[:1])
    assert told.problem is not None
    assert told.problem.startswith("the JVM at k:9999 is broker 1 of cluster theirs; start")


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (
            [answer(9999, broker(1)), answer(9998, failed=REFUSED)],
            "none of the ports 9999, 9998 of k is this broker's JMX; start the broker with",
        ),
        (
            [answer(9999, failed=REFUSED), answer(9998, failed=("wants credentials", "access"))],
            "wants credentials",
        ),
        (
            [answer(port, failed=("no such host: k", "resolve")) for port in (9999, 9998)],
            "no such host: k; start the broker with JMX_PORT=9999",
        ),
        ([answer(9999, failed=REFUSED)], "cannot connect: refused; start the broker with"),
        ([answer(9999, broker(1))], "the JVM at k:9999 is broker 1; start the broker with"),
        ([answer(9999, "java.lang:type=Memory")], "the JVM at k:9999 is no broker's; start"),
    ],
)
def test_choose_tells_why_no_port_is_the_brokers(answers: list[PortAnswer], problem: str) -> None:
    """A port that speaks JMX but refuses access comes before ports where nothing listens."""
    chosen = choose(sought(2), answers)
    assert chosen.problem is not None
    assert chosen.problem.startswith(problem)


def test_choose_accepts_a_given_port_without_an_id() -> None:
    """A broker whose MBeans are filtered is accepted on the port that the user gave."""
    hidden = answer(9999, "kafka.server:type=ReplicaManager,name=LeaderCount")
    assert choose(sought(2), [hidden]).problem is None
    assert choose(sought(2), [hidden, answer(9998, failed=REFUSED)]).problem is not None


async def test_try_port_always_returns_an_answer(
    monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """The names of the JVM's MBeans, or the error; the packs are those that match them."""

    async def connect(host: str, port: int, **_: object) -> RecordedConnection:
        if port != 9999:
            raise ConnectionFailed(f"cannot connect to {host}:{port}: refused", "refused")
        return RecordedConnection(recorded("broker-4.1.0"))

    monkeypatch.setattr(jmx, "connect", connect)
    answers = [await try_port(Address("k", port), 5.0) for port in (9998, 9999)]
    assert (answers[0].names, answers[0].error_class) == ((), "refused")
    assert answers[1].cluster is not None
    assert choose(sought(1, answers[1].cluster), answers).packs == [
        "kafka-broker",
        "kafka-topics",
        "kafka-kraft",
        "jvm",
    ]
