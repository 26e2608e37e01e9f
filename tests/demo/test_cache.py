"""What is fetched once is whole, and fetched once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from demo.cache import cache_dir, cached
from demo.process import ServerError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_two_at_once_make_it_once() -> None:
    """The second to want it waits for the first and takes what it made."""
    makers = []
    together = Barrier(2)

    def make(folder: Path) -> None:
        makers.append(folder)
        (folder / "jar").write_text("whole")

    def want(_: int) -> str:
        together.wait()
        return (cached("kafka-0", make) / "jar").read_text()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(want, range(2))) == ["whole", "whole"]
    assert len(makers) == 1


def test_cache_makes_again_what_failed_half_way() -> None:
    """A download that broke is not taken for the real thing by the next run."""

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ServerError("connection lost")

    with pytest.raises(ServerError, match="connection lost"):
        cached("kafka-0", fail)
    assert not (cache_dir() / "kafka-0").exists()
    made = cached("kafka-0", lambda folder: (folder / "jar").touch())
    assert [path.name for path in made.iterdir()] == ["jar"]
