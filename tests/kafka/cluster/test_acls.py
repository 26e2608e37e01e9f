"""Missing rights: what is requested, and how it is reported; tests/real has real brokers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from kio.schema.errors import ErrorCode

from jmxbridge.kafka.cluster.acls import (
    EVERY,
    MAX_NAMED,
    PROBE_NAME,
    MissingRight,
    Scope,
    principal,
)
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeBroker, FakeCluster, hang_up
from tests.kafka.polling import ConnectTo

ALL = Scope.by((), ())


def test_command_can_be_pasted_into_a_shell() -> None:
    """Names are quoted, and limited in number."""
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


def test_str_counts_names_beyond_the_limit() -> None:
    """The message stays one sentence."""
    text = str(MissingRight("topic", tuple(f"t{number:02}" for number in range(25))))

    assert text.startswith("no right to describe topic 't00', 't01'")
    assert text.endswith("and 5 more: without it there is no lag")


@pytest.mark.parametrize(
    ("allow", "expected"),
    [((), (True, ())), (("orders", "a.b", "x-.*", "y_1"), (False, ("orders", "y_1")))],
)
def test_scope_knows_the_literal_names_of_a_filter(
    allow: tuple[str, ...], expected: tuple[bool, tuple[str, ...]]
) -> None:
    """A pattern gives no name, only that not every name is wanted."""
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


async def test_missing_rights_is_empty_if_nothing_is_refused(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """And none of the requests creates what it names."""
    assert await connect_to(two).missing_rights(ALL, ALL) == ()

    assert not any(asked.entity.allow_auto_topic_creation for asked in two.asked("metadata"))
    assert two.asked("find_coordinator") == []


async def test_missing_rights_assumes_that_old_brokers_list_every_group(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Before 2.8 a broker does not report rights on the cluster."""
    del two.versions[60]
    for broker in two.brokers.values():
        refuse_groups(broker, PROBE_NAME, "a")

    missing = await connect_to(two).missing_rights(ALL, ALL)

    assert missing == (MissingRight("group", ("a",)),)


async def test_missing_rights_ignores_groups_that_the_filter_denies(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A right that is not needed is not missing."""
    for broker in two.brokers.values():
        refuse_groups(broker, "a", "b")

    missing = await connect_to(two).missing_rights(Scope.by((), ("a",)), ALL)

    assert missing == (MissingRight("group", ("b",)),)


async def test_missing_rights_uses_the_brokers_that_answer(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A broker that fails is left out."""
    del two.versions[60]
    two.brokers[1].scripts["list_groups"] = hang_up
    refuse_groups(two.brokers[2], "b")

    assert await connect_to(two).missing_rights(ALL, ALL) == (MissingRight("group", ("b",)),)


async def test_missing_rights_raises_without_any_broker(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Nothing is known about rights then."""
    for broker in two.brokers.values():
        broker.scripts["list_groups"] = hang_up

    with pytest.raises(KafkaUnavailable):
        await connect_to(two).missing_rights(ALL, ALL)


def test_str_has_a_sentence_for_unknown_names() -> None:
    """For groups and topics: which names are left out cannot be known."""
    resources: tuple[Literal["group", "topic"], ...] = ("group", "topic")
    for resource in resources:
        assert "cannot be known" in str(MissingRight(resource, (EVERY,)))


async def test_missing_rights_reports_every_group_if_lists_are_filtered(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Neither the right to all groups nor to the cluster: Kafka's lists leave groups out."""
    for broker in two.brokers.values():
        refuse_groups(broker, PROBE_NAME)
        broker.scripts["describe_cluster"] = lambda asked: asked.schema.reply(
            error_code=0,
            error_message=None,
            cluster_id="c",
            controller_id=1,
            brokers=(),
            cluster_authorized_operations=0,
        )

    missing = await connect_to(two).missing_rights(ALL, ALL)

    assert missing == (MissingRight("group", (EVERY,)),)


async def test_missing_rights_reports_topics(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Those assigned to members by name, and that others may be left out silently."""
    two.groups["a"].members = [("one", {"x": [0], "secret": [0]})]
    for broker in two.brokers.values():

        def refuse(asked: Asked, answer: Callable[[Asked], Any] = broker.answer_metadata) -> Any:
            reply = answer(asked)
            topics = tuple(
                replace(topic, error_code=ErrorCode(29), partitions=())
                if topic.name in (PROBE_NAME, "secret")
                else topic
                for topic in reply.topics
            )
            return replace(reply, topics=topics)

        broker.scripts["metadata"] = refuse

    missing = await connect_to(two).missing_rights(ALL, ALL)

    assert missing == (MissingRight("topic", ("secret",)), MissingRight("topic", (EVERY,)))
