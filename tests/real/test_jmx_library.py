"""What the README says of the JMX client, run as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from demo.servers import Jvm

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
LAST_LINE = 'asyncio.run(main("127.0.0.1:9999"))'


async def test_the_readme_s_example_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The snippet runs against a JVM: names, then a number of bytes."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert LAST_LINE in snippet
    names: dict[str, Any] = {}
    exec(compile(snippet.replace(LAST_LINE, ""), "README.md", "exec"), names)  # noqa: S102 - ours
    with Jvm(ROOT / "bench" / "Many.java", "1") as jvm:
        await names["main"](f"127.0.0.1:{jvm.jmx_port}")
    *lines, used = capsys.readouterr().out.splitlines()
    assert "java.lang:type=Memory Memory" in lines
    assert int(used) > 1_000_000
