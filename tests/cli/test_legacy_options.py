"""Options of older tools: each is refused with its replacement."""

import pytest

from tests.cli.calling import call


@pytest.mark.parametrize(
    ("command", "option", "instead"),
    [
        ("lag", "--zk", "--bootstrap HOST:9092"),
        ("run", "--zk", "kafka: {bootstrap: HOST:9092} in the file"),
        ("init", "--zookeeper", "jmxbridge init HOST:9092"),
        ("run", "--refresh", "interval: 10s in the file"),
        ("run", "--retain", "store: {retain: 2d} in the file"),
        ("run", "--dbName", "store: {path: …} in the file"),
    ],
)
def test_legacy_options_name_their_replacement(command: str, option: str, instead: str) -> None:
    """KafkaOffsetMonitor had no file, and read offsets from ZooKeeper."""
    result = call(command, option, "localhost:2181")

    assert result.exit_code == 2
    assert option in result.stderr
    assert instead in result.stderr
    assert option not in call(command, "--help").stdout
