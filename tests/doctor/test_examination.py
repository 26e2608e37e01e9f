"""Areas of an examination, and the parts of a file that they examine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.doctor import examination, unit
from jmxbridge.doctor.examination import examine, mounts, read
from jmxbridge.doctor.finding import Area, Finding
from tests.kafka.fake_cluster import FakeCluster

WriteFile = Callable[[str], Path]
NO_SYSTEMD = "not examined: no systemd"


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Write a file with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "mbeans.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without systemd, with a synchronized clock."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(unit, "query", lambda: NO_SYSTEMD)
    monkeypatch.setattr(examination, "is_synchronized", lambda: True)


def names(areas: list[Area]) -> list[str]:
    """Return the names of areas."""
    return [area.name for area in areas]


def test_read_makes_a_finding_of_each_problem(write_file: WriteFile) -> None:
    """With place, key, message and suggestion."""
    file = write_file("intervall: 10s\nkafka: {bootstrap: 'k:1', poll_every: 1}\n")

    area, settings = read(file, {})

    assert settings is None
    assert [finding.where for finding in area.findings] == [f"{file}:1:1", f"{file}:2:27"]
    assert area.findings[0].fix == 'Did you mean "interval"?'
    assert area.findings[1].problem.startswith("kafka.poll_every: ")


def test_read_finds_variables_that_are_not_set(write_file: WriteFile) -> None:
    """An unset variable is a problem with its place in the file."""
    file = write_file("kafka: {bootstrap: '${BROKER}'}\n")

    (finding,) = read(file, {})[0].findings

    assert "BROKER is not set" in finding.problem
    assert read(file, {"BROKER": "k:1"})[0] == Area("file", notes=(str(file),))


def test_read_makes_notes_of_warnings(write_file: WriteFile) -> None:
    """A file with warnings can be used; the warnings require no action."""
    file = write_file("kafka: {bootstrap: 'k:1', groups: {deny: test-*}}\n")

    area, settings = read(file, {})

    assert settings is not None
    assert area.findings == ()
    assert len(area.notes) == 1 + len(settings.warnings) > 1


async def test_examines_the_machine_without_a_file() -> None:
    """Only its clock and its service."""
    assert names(await examine(None, {})) == ["clock", "systemd"]


async def test_examines_the_machine_with_an_invalid_file(write_file: WriteFile) -> None:
    """The problems of the file come first; no server is contacted."""
    assert names(await examine(write_file("x: 1\n"), {})) == ["file", "clock", "systemd"]


async def test_examines_the_servers_of_a_file(write_file: WriteFile) -> None:
    """Each server in the file is an area with its own findings."""
    text = "influxdb: {url: 'http://127.0.0.1:1', bucket: b}\n"

    areas = await examine(write_file(text + "kafka: {bootstrap: '127.0.0.1:1'}\n"), {})

    machine = ["file", "packages", "limits", "clock", "disk"]
    assert names(areas) == [*machine, "targets", "kafka", "influxdb", "systemd"]
    assert {area.name for area in areas if area.findings} >= {"kafka", "influxdb"}

    async with FakeCluster() as fake:
        [(host, port)] = fake.bootstrap
        file = write_file(f"kafka: {{bootstrap: '{host}:{port}'}}\n")
        areas = await examine(file, {})
    assert names(areas) == [*machine, "targets", "kafka", "systemd"]
    assert {area.name: area.findings for area in areas}["kafka"] == ()


async def test_brokers_to_discover_are_targets(write_file: WriteFile) -> None:
    """A discovered broker is examined; one without a valid JMX address is a finding."""
    text = "targets: [{discover: kafka, jmx_port: '1{id}', collect: [jvm]}]\n"
    async with FakeCluster(brokers=2) as fake:
        hosts = ", ".join(f"'{host}:{port}'" for host, port in fake.bootstrap)
        areas = await examine(write_file(f"{text}kafka: {{bootstrap: [{hosts}]}}\n"), {})
    (targets,) = [area for area in areas if area.name == "targets"]
    assert [finding.where for finding in targets.findings] == ["broker-1", "broker-2"]


async def test_an_unreachable_cluster_has_one_finding(write_file: WriteFile) -> None:
    """Brokers that cannot be discovered are not findings of the targets as well."""
    text = "targets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"

    areas = await examine(write_file(text + "kafka: {bootstrap: '127.0.0.1:1'}\n"), {})

    assert {area.name: len(area.findings) for area in areas}["kafka"] == 1
    assert {area.name: len(area.findings) for area in areas}["targets"] == 0


async def test_environment_of_the_service_applies_to_its_file(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the unit are set, for that file alone."""
    service_file = write_file("kafka: {bootstrap: '${BROKER}'}\n")
    monkeypatch.setattr(unit, "runs", lambda _, file: file == service_file)
    monkeypatch.setattr(unit, "environment", lambda _: {"BROKER": "127.0.0.1:1"})
    assert (await examine(service_file, {}))[0].findings == ()

    other = service_file.with_name("other.yaml")
    other.write_text(service_file.read_text())
    (finding,) = (await examine(other, {}))[0].findings
    assert isinstance(finding, Finding)
    assert "BROKER is not set" in finding.problem


def test_mounts_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux lists the root; without /proc there are none."""
    assert " / " in mounts()

    def refuse(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert mounts() == ""
