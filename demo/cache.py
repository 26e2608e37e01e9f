"""Cache of jars, servers and classes that are slow to fetch or build, keyed by version.

The cache lies outside the checkout. Two processes may want the same entry at once (a test run and a
demo): the first takes a lock, builds the entry in a scratch folder and renames it into place, so an
entry under its final name is complete.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo.process import Process, ServerError

HERE = Path(__file__).parent
INFLUXD_VERSION = "1.8.10"
# The last 1.x, the last that cannot write NaN, and a newer one.
JOLOKIA_VERSIONS = ("1.7.2", "2.4.3", "2.5.0")
KAFKA_VERSION = "4.1.0"
KAFKA_39 = "3.9.1"  # the last with ZooKeeper support; runs with KRaft here
KAFKA_28 = "2.8.2"  # with ZooKeeper
LOG4J2_SINCE = 4  # the major version of Kafka that switched to Log4j 2
COPY = "dependency:copy-dependencies"
LAG_LIBRARIES = ("kafka-python==3.0.12", "confluent-kafka==2.16.1", "aiokafka==0.14.0")
FETCH_S = 1200  # influxd is compiled in 2 min on two idle cores


def cache_dir() -> Path:
    """Return the cache folder, which all checkouts share."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "jmxbridge-test"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache, calling `make(folder)` if it is not there yet."""
    final = cache_dir() / name
    if final.is_dir():
        return final
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_dir():
            scratch = cache_dir() / f".{name}.part"
            shutil.rmtree(scratch, ignore_errors=True)  # left by a process that died in `make`
            scratch.mkdir()
            make(scratch)
            scratch.rename(final)
    return final


def kafka_libs(version: str = KAFKA_VERSION) -> Path:
    """Return a folder with the jars of a Kafka, its tools and its log binding, by Maven."""
    return _jars("kafka", HERE / "pom.xml", version)


def app_libs(version: str = KAFKA_VERSION) -> Path:
    """Return a folder with the jars of Connect, MirrorMaker and Streams of a Kafka, by Maven."""
    return _jars("kafka-apps", HERE / "apps.xml", version)


def _jars(name: str, pom: Path, version: str) -> Path:
    def make(folder: Path) -> None:
        shutil.copy(pom, folder / "pom.xml")
        options = [f"-Dkafka.version={version}", "-DincludeScope=runtime", "-DoutputDirectory=libs"]
        binding = ["-P", "log4j2"] if major(version) >= LOG4J2_SINCE else []
        _run(["mvn", "-q", "-B", "-Dstyle.color=never", *binding, *options, COPY], cwd=folder)

    return cached(f"{name}-{version}-{_digest(pom)}", make) / "libs"


def major(version: str) -> int:
    """Return the major number of a Kafka's version."""
    return int(version.partition(".")[0])


def jolokia_agent(version: str = JOLOKIA_VERSIONS[-1]) -> Path:
    """Return the jar of Jolokia's agent for JVMs, by Maven; `demo.jvm.jolokia_option` loads it."""

    def make(folder: Path) -> None:
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
        options = [f"-Dartifact={artifact}", "-DoutputDirectory=."]
        _run(["mvn", "-q", "-B", "-Dstyle.color=never", *options, goal], cwd=folder)

    artifact = f"org.jolokia:jolokia-agent-jvm:{version}:jar:javaagent"
    if version.startswith("1."):  # 1.x: the plain jar is the agent
        artifact = f"org.jolokia:jolokia-jvm:{version}"
    [jar] = cached(f"jolokia-{version}", make).glob("*.jar")
    return jar


def lag_libraries() -> Path:
    """Return a folder with the Python clients that bench/lag_poll.py compares, by pip."""

    def make(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--target", folder, *LAG_LIBRARIES], cwd=folder)

    return cached("-".join(LAG_LIBRARIES).replace("==", "-"), make)


def influxd(version: str = INFLUXD_VERSION) -> Path:
    """Return the InfluxDB 1.x server, compiled by Go where it is not cached."""

    def make(folder: Path) -> None:
        module = f"github.com/influxdata/influxdb/cmd/influxd@v{version}"
        env = {"CGO_ENABLED": "0", "GOBIN": str(folder)}
        _run(
            ["go", "install", "-ldflags", f"-X main.version={version}", module], cwd=folder, env=env
        )

    return cached(f"influxd-{version}", make) / "influxd"


def java_classes(source: Path, class_path: Sequence[Path] = ()) -> Path:
    """Return a folder with the classes of a one-file Java program."""

    def make(folder: Path) -> None:
        _run(["javac", "-nowarn", "-cp", java_path(class_path), "-d", folder, source], cwd=folder)

    return cached(f"java-{source.stem}-{_digest(source)}", make)


def java_path(folders: Sequence[Path]) -> str:
    """Return a class path: each folder's classes and its jars."""
    return ":".join(f"{folder}:{folder}/*" for folder in folders)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def _run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    name = Path(command[0]).name
    if not shutil.which(command[0]):
        raise ServerError(f"{name} is not installed; demo/needs.sh says what is missing")
    process = Process(command, log=cwd / f"{name}.log", cwd=cwd, env=env)
    try:
        status = process.wait(FETCH_S)
    finally:
        process.kill()
    if status:
        raise ServerError(f"{name} ended with {status}:\n{process.tail()}")
