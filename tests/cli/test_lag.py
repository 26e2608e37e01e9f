"""`jmxbridge lag`: filters, clusters, and errors."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demo.servers import free_port
from jmxbridge.cli import app, lag
from jmxbridge.config.model.models import GroupFilter, KafkaSettings
from jmxbridge.config.values.address import Address
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.state.lag_state import LagStateFile
from jmxbridge.times import NS
from tests.cli.calling import call
from tests.cli.test_golden import compare
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster


def test_lag_names_a_malformed_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With file, line and column, before Kafka is queried."""
    monkeypatch.chdir(tmp_path)
    Path("mbeans.yaml").write_text(
        "kafka:\n  bootstrap: 127.0.0.1:1\n  groups: {deny: ['billing-(']}\n"
    )
    result = CliRunner().invoke(app, ["lag", "billing"])
    assert result.exit_code == 78
    assert "mbeans.yaml:3:28: error: kafka.groups.deny[0]: not a regular" in result.stderr


async def test_lag_all_includes_every_group_and_topic(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that the file or a default excludes, Kafka's own, and those of Streams."""
    async with FakeCluster() as fake:
        inner = "billing-sums-repartition"
        for topic in ("paid", "__own", inner):
            fake.add_topic(topic, end=10)
        for name in ("billing", "secret", "console-consumer-7"):
            fake.groups[name] = Group({"paid": {0: 4}, "__own": {0: 1}})
        fake.groups["billing"].commits[inner] = {0: 1}
        bootstrap = tuple(Address(*address) for address in fake.bootstrap)
        of_file = KafkaSettings(bootstrap=bootstrap).model_copy(
            update={"groups": GroupFilter(deny=("secret", r"console-consumer-\d+"))}
        )
        seen = {}
        for kafka in (of_file, lag.unfiltered(of_file)):
            await lag.once(kafka, None, None, every_s=2.0, as_json=True)
            groups = json.loads(capsys.readouterr().out)["groups"]
            topics = {row["topic"] for group in groups for row in group["partitions"]}
            seen[kafka is of_file] = ({group["group"] for group in groups}, topics)

    assert seen[True] == ({"billing"}, {"paid"})
    assert seen[False] == ({"billing", "secret", "console-consumer-7"}, {"paid", "__own", inner})


def test_lag_without_a_cluster_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file and --bootstrap; the message has the option."""
    monkeypatch.chdir(tmp_path)
    result = call("lag")
    assert result.exit_code == 2
    assert "--bootstrap HOST:PORT" in result.stderr


def test_lag_of_an_unreachable_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 69, with the address that did not answer."""
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    result = call("lag", "--bootstrap", address)
    assert result.exit_code == 69
    assert address in result.stderr


async def invoke(*args: str) -> Result:
    """Run `jmxbridge lag` in a thread, so that the fake cluster can answer."""
    return await asyncio.to_thread(call, "lag", *args)


async def test_lag_warns_of_a_dead_bootstrap_address_that_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other address leads to every broker: all rows are there, and the status is 0."""
    monkeypatch.chdir(tmp_path)
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.groups["billing"] = Group({"paid": {0: 4}})
        dead = f"127.0.0.1:{free_port()}"
        bootstrap = f"{dead},127.0.0.1:{fake.ports[1]}"
        result = await invoke("billing", "-b", bootstrap)
        as_json = json.loads((await invoke("billing", "-b", bootstrap, "--json")).stdout)

    assert result.exit_code == 0
    assert "billing paid" in result.stdout
    assert result.stderr.splitlines()[-1].startswith(f"warning: {dead}: ")
    assert as_json["errors"] == []
    assert [warning.split(": ")[0] for warning in as_json["warnings"]] == [dead]


async def test_lag_ends_with_a_finding_where_a_broker_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead broker of the cluster is not just a dead address: its groups are missing."""
    monkeypatch.chdir(tmp_path)
    async with FakeCluster(2) as fake:
        fake.add_topic("paid", end=10)
        fake.groups["billing"] = Group({"paid": {0: 4}})
        await fake.brokers[2].stop()
        dead = f"127.0.0.1:{fake.ports[2]}"
        result = await invoke("-b", f"127.0.0.1:{fake.ports[1]},{dead}")

    assert result.exit_code == 1
    assert f"warning: {dead}: " in result.stderr


async def test_lag_warns_of_a_quota_that_delays_it() -> None:
    """The command is slow because of it, and its rows are complete: status 0."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.groups["billing"] = Group({"paid": {0: 4}})
        fake.throttle_ms = 300
        bootstrap = f"127.0.0.1:{fake.ports[1]}"
        result = await invoke("--bootstrap", bootstrap)
        as_json = await invoke("--bootstrap", bootstrap, "--json")

    assert result.exit_code == 0
    assert f"warning: broker 1 at {bootstrap} throttled us for " in result.stderr
    (warning,) = json.loads(as_json.stdout)["warnings"]
    assert "a quota (request_percentage) applies to" in warning


async def saved(
    folder: Path, fake: FakeCluster, state: SavedState, *, kafka: str = ""
) -> list[str]:
    """Write a settings file for a cluster, and the state that `run` left; return the options."""
    host, port = fake.bootstrap[0]
    file = folder / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '{host}:{port}'{kafka}}}\n"
        f"store: {{path: {folder / 'local.sqlite3'}}}\n"
    )
    names = NameFilter()
    path = folder / "local.lag.json"
    await LagStateFile(path, wants_group=names, wants_topic=names).write(state)
    return ["-f", str(file)]


def deleted_groups(ago_s: float = 30.0) -> SavedState:
    """The state of a `run` that saw one group vanish, and one that exists when it saved."""
    time_ns = time.time_ns() - round(ago_s * NS)
    stopped = GroupSummary(Status.ERR, {"paid": {0: Status.STOP}})
    return SavedState(
        groups={
            "billing": LastCommits({"paid": {0: 4}}, time_ns),
            "audit": LastCommits({"paid": {0: 9}}),
        },
        summary=PollSummary(time_ns, {"billing": stopped, "audit": GroupSummary(Status.OK)}),
    )


@pytest.mark.parametrize("suffix", ["out", "json"])
async def test_lag_shows_a_group_that_kafka_no_longer_has(suffix: str, tmp_path: Path) -> None:
    """`run` goes on to write its lag, so it is shown, marked, and no finding."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.add_topic("__consumer_offsets")
        options = await saved(tmp_path, fake, deleted_groups())
        result = await invoke("billing", *options, *(["--json"] if suffix == "json" else []))

    assert result.exit_code == 0
    compare(f"lag_vanished.{suffix}", result.stdout, result.stderr)


async def test_lag_lists_vanished_groups_that_pass_the_filter(tmp_path: Path) -> None:
    """One that vanished after `run` has saved its state is among them."""
    listed = {}
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.groups["alive"] = Group({"paid": {0: 1}})
        for kafka in ("", ", groups: {deny: [billing]}", ", topics: {deny: [paid]}"):
            options = await saved(tmp_path, fake, deleted_groups(), kafka=kafka)
            for every in ([], ["--all"]):
                result = await invoke("--json", *options, *every)
                assert result.exit_code == 0
                groups = json.loads(result.stdout)["groups"]
                listed[kafka, bool(every)] = {group["group"] for group in groups}

    all_groups = {"alive", "audit", "billing"}
    assert listed == {
        ("", False): all_groups,
        (", groups: {deny: [billing]}", False): {"alive", "audit"},
        (", topics: {deny: [paid]}", False): {"alive"},
        ("", True): all_groups,
        (", groups: {deny: [billing]}", True): all_groups,
        (", topics: {deny: [paid]}", True): all_groups,
    }


@pytest.mark.parametrize(
    ("name", "ago_s", "kafka"),
    [
        ("nonsense", 30.0, ""),
        ("billing", 120.0, ", forget_after: 1m"),
        ("audit", 120.0, ", forget_after: 1m"),
        ("billing", 90_000.0, ""),
    ],
)
async def test_a_group_that_exists_nowhere_is_a_finding(
    name: str, ago_s: float, kafka: str, tmp_path: Path
) -> None:
    """One that neither Kafka nor `run` has, and one that `run` has forgotten."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.add_topic("__consumer_offsets")
        options = await saved(tmp_path, fake, deleted_groups(ago_s), kafka=kafka)
        result = await invoke(name, *options)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"group {name} does not exist" in result.stderr.splitlines()


async def test_lag_of_another_cluster_has_nothing_of_the_files_state(tmp_path: Path) -> None:
    """With --bootstrap the saved groups may be those of another cluster."""
    async with FakeCluster() as fake:
        fake.add_topic("__consumer_offsets")
        options = await saved(tmp_path, fake, deleted_groups())
        host, port = fake.bootstrap[0]
        result = await invoke("billing", *options, "-b", f"{host}:{port}")

    assert (result.exit_code, result.stdout) == (1, "")


async def test_lag_leaves_out_statuses_that_are_too_old(tmp_path: Path) -> None:
    """`run` has stopped: what it judged an hour ago is not shown as if it were now."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.groups["billing"] = Group({"paid": {0: 4}})
        options = await saved(tmp_path, fake, deleted_groups(3720.0))
        as_text = await invoke("billing", *options)
        as_json = json.loads((await invoke("billing", *options, "--json")).stdout)

    assert as_text.exit_code == 0
    assert "STATUS" not in as_text.stdout
    assert "STATUS: none, since `jmxbridge run` has judged nothing for 1 h 2 min" in as_text.stderr
    assert as_json["groups"][0]["partitions"][0]["status"] is None
    assert 3720 <= as_json["status_age_seconds"] < 7200


async def test_lag_shows_a_share_group_by_name() -> None:
    """Its start offsets and its lag; it was refused as a kind that keeps no offsets."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", end=10)
        fake.groups["sharers"] = Group({"paid": {0: 4}}, protocol_type="share", type="Share")
        result = await invoke("sharers", "-b", f"127.0.0.1:{fake.ports[1]}")

    assert result.exit_code == 0
    head, row = result.stdout.splitlines()[1:]
    assert head.split() == ["GROUP", "TOPIC", "PARTITION", "START-OFFSET", "LAG"]
    assert row.split() == ["sharers", "paid", "0", "4", "6"]
    assert result.stderr == "group sharers is 6 records behind on 1 of 1 partition\n"


async def test_a_share_group_that_cannot_be_read_is_a_finding() -> None:
    """Named with the error of its coordinator."""
    async with FakeCluster() as fake:
        fake.groups["sharers"] = Group({}, protocol_type="share", type="Share")
        fake.brokers[1].scripts["describe_share_group_offsets"] = refuse_share_groups
        result = await invoke("sharers", "-b", f"127.0.0.1:{fake.ports[1]}")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "group sharers is a share group, and its brokers know no start offset of it",
        "warning: share group 'sharers': cannot be read: GROUP_AUTHORIZATION_FAILED (30)",
    ]


def refuse_share_groups(asked: Asked) -> object:
    """Answer that none of the groups may be read."""
    names = [group.group_id for group in asked.entity.groups]
    groups = tuple(
        asked.schema.make(
            "DescribeShareGroupOffsetsResponseGroup",
            group_id=name,
            topics=(),
            error_code=30,
            error_message=None,
        )
        for name in names
    )
    return asked.schema.reply(groups=groups)
