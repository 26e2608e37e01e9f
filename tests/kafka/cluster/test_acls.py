"""What is said of rights that are missing; what real brokers answer is in tests/real."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from jmxbridge.kafka.cluster.acls import (
    EVERY,
    MAX_NAMED,
    PROBE_NAME,
    MissingRight,
    Scope,
    principal,
)
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeBroker, FakeCluster, hang_up

StartFake = Callable[..., Awaitable[FakeCluster]]
ALL = Scope.by((), ())


def test_a_command_can_be_pasted() -> None:
    """Names are quoted for a shell, and there are no more than a line can bear."""
    names = ("*", "it's", *(f"g{number}" for number in range(MAX_NAMED)))

    missing = MissingRight("group", names)
    command = missing.command(principal="User:CN=a b", bootstrap="k:1", secured=True)

    assert command.startswith(
        "kafka-acls.sh --bootstrap-server k:1 --command-config admin.properties --add"
        " --allow-principal 'User:CN=a b' --operation Describe"
        " --group '*' --group 'it'\"'\"'s' --group g0 "
    )
    assert command.count("--group") == MAX_NAMED
    assert "admin" not in missing.command(principal="User:a", bootstrap="k:1", secured=False)


def test_many_names_are_counted() -> None:
    """A sentence stays one."""
    said = str(MissingRight("topic", tuple(f"t{number:02}" for number in range(25))))

    assert said.startswith("no right to describe topic 't00', 't01'")
    assert said.endswith("and 5 more: without it there is no lag")


@pytest.mark.parametrize(
    ("allow", "expected"),
    [((), (True, ())), (("orders", "a.b", "x-.*", "y_1"), (False, ("orders", "y_1")))],
)
def test_a_filter_without_patterns_names_what_it_wants(
    allow: tuple[str, ...], expected: tuple[bool, tuple[str, ...]]
) -> None:
    """Of a pattern nothing is known but that it is not every name."""
    scope = Scope.by(allow, ("y.*",))

    assert (scope.everything, scope.names) == expected
    assert not scope.wants("y_1")


@pytest.mark.parametrize(
    ("sasl", "username", "certificate", "expected"),
    [
        (True, "bridge", "client.pem", "User:bridge"),
        (True, None, None, "User:<our name>"),
        (False, None, "client.pem", "User:<subject of client.pem>"),
        (False, None, None, "User:ANONYMOUS"),
    ],
)
def test_principal_names_us_as_far_as_settings_tell(
    sasl: bool, username: str | None, certificate: str | None, expected: str
) -> None:
    """SASL decides before TLS does; what only the broker or a token knows stands in <>."""
    assert principal(sasl=sasl, username=username, certificate=certificate) == expected


def refuse_groups(broker: FakeBroker, *names: str) -> None:
    """Let a broker answer as if we had no right to these groups."""

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        groups = tuple(
            make(
                "DescribedGroup",
                error_code=30 if name in names else 0,
                group_id=name,
                group_state="",
                protocol_type="",
                protocol_data="",
                members=(),
            )
            for name in asked.entity.groups
        )
        return asked.schema.reply(groups=groups)

    broker.scripts["describe_groups"] = answer


async def test_where_nothing_is_refused_nothing_is_missing(
    two: FakeCluster, connect_to: Callable[..., Cluster]
) -> None:
    """As on a cluster without an authorizer; and nothing was created by asking."""
    assert await connect_to(two).missing_rights(ALL, ALL) == ()

    assert not any(asked.entity.allow_auto_topic_creation for asked in two.asked("metadata"))
    assert two.asked("find_coordinator") == []


async def test_a_broker_too_old_to_say_is_not_complained_of(
    two: FakeCluster, connect_to: Callable[..., Cluster]
) -> None:
    """Before 2.8 it cannot be known whether the cluster may be described; groups by name can."""
    del two.versions[60]
    for broker in two.brokers.values():
        refuse_groups(broker, PROBE_NAME, "a")

    missing = await connect_to(two).missing_rights(ALL, ALL)

    assert missing == (MissingRight("group", ("a",)),)


async def test_groups_that_the_file_denies_are_not_missed(
    two: FakeCluster, connect_to: Callable[..., Cluster]
) -> None:
    """They are listed and refused, and nobody wants them."""
    for broker in two.brokers.values():
        refuse_groups(broker, "a", "b")

    missing = await connect_to(two).missing_rights(Scope.by((), ("a",)), ALL)

    assert missing == (MissingRight("group", ("b",)),)


async def test_a_broker_that_fails_leaves_what_the_other_says(
    two: FakeCluster, connect_to: Callable[..., Cluster]
) -> None:
    """What is not known is not said."""
    del two.versions[60]
    two.brokers[1].scripts["list_groups"] = hang_up
    refuse_groups(two.brokers[2], "b")

    assert await connect_to(two).missing_rights(ALL, ALL) == (MissingRight("group", ("b",)),)


async def test_no_broker_at_all(two: FakeCluster, connect_to: Callable[..., Cluster]) -> None:
    """There is nothing to say about rights then."""
    for broker in two.brokers.values():
        broker.scripts["list_groups"] = hang_up

    with pytest.raises(KafkaUnavailable):
        await connect_to(two).missing_rights(ALL, ALL)


def test_every_name_has_a_sentence_of_its_own() -> None:
    """Which names are left out cannot be known, and that is said."""
    resources: tuple[Literal["group", "topic"], ...] = ("group", "topic")
    for resource in resources:
        assert "cannot be known" in str(MissingRight(resource, (EVERY,)))
