"""Every mistake a person can make, and exactly what they are told.

`broken/NAME.yaml` is the file, `broken/NAME.txt` what is printed. A change of wording changes the
pair, with WRITE_BROKEN=1 in the environment; read it as the person who has to mend the file.
"""

import os
from pathlib import Path

import pytest

from jmxbridge.config.loader import load
from jmxbridge.config.text.problem import ConfigError

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


def complaint(name: str) -> str:
    """Return what loading a broken file says, with an empty environment."""
    with pytest.raises(ConfigError) as caught:
        load(Path(f"{name}.yaml"), {})
    return f"{caught.value}\n"


@pytest.mark.parametrize("name", NAMES)
def test_says_what_is_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file is refused with all its problems, each at its line and column."""
    monkeypatch.chdir(BROKEN)

    said = complaint(name)
    if os.environ.get("WRITE_BROKEN"):
        (BROKEN / f"{name}.txt").write_text(said)
    assert said == (BROKEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_keeps_secrets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No broken file makes us print a password or a token that stands in it."""
    monkeypatch.chdir(BROKEN)

    said = complaint(name)

    assert not [word for word in ("swordfish", "sw0rdfish", "fish", "hunter2") if word in said]


def test_every_pair_is_complete() -> None:
    """There is an expectation for every broken file, and no expectation without its file."""
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == NAMES
    assert len(NAMES) >= 100
