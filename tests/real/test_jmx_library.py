"""The examples of the JMX client in README and docs, run as they stand there."""

import ast
import re
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from demo.servers import Jvm

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
LAST_LINE = 'asyncio.run(main("127.0.0.1:9999"))'


def example(page: str) -> str:
    """Return the one Python example of a page."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return str(snippet)


async def test_the_example_of_the_library_page_works(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/jmx-library.md: it runs against a JVM and prints names, then a number of bytes."""
    snippet = example("docs/jmx-library.md")
    assert LAST_LINE in snippet
    names: dict[str, Any] = {}
    exec(compile(snippet.replace(LAST_LINE, ""), "example", "exec"), names)  # noqa: S102 - ours
    with Jvm(ROOT / "bench" / "Many.java", "1") as jvm:
        await names["main"](f"127.0.0.1:{jvm.jmx_port}")
    *lines, used = capsys.readouterr().out.splitlines()
    assert "java.lang:type=Memory Memory" in lines
    assert int(used) > 1_000_000


async def test_the_example_of_the_readme_works(capsys: pytest.CaptureFixture[str]) -> None:
    """README.md: typed at `python -m asyncio` it prints a number of bytes."""
    with Jvm(ROOT / "bench" / "Many.java", "1") as jvm:
        snippet = example("README.md").replace("127.0.0.1:9999", f"127.0.0.1:{jvm.jmx_port}")
        code = compile(snippet, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert isinstance(code, CodeType)
        await FunctionType(code, {})()
    assert int(capsys.readouterr().out) > 1_000_000
