"""Time of every `--help`, as a whole process.

python -m bench.help [ROUNDS]
"""

import resource
import subprocess
import sys
import time
from statistics import median

from tests.cli.test_commands import COMMANDS

ROUNDS = 5


def run(words: str) -> tuple[float, float]:
    """Run one command's --help; return wall and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_s = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "jmxbridge", *words.split(), "--help"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wall_s = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the median of each command, slowest first."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    took = []
    for words in ("", *COMMANDS):
        walls, cpus = zip(*(run(words) for _ in range(rounds)), strict=True)
        took.append((median(walls), median(cpus), words))
    for wall_s, cpu_s, words in sorted(took, reverse=True):
        command = f"jmxbridge {words}".strip()
        print(f"{wall_s:.3f} s, {cpu_s:.3f} s of CPU  {command} --help")


if __name__ == "__main__":
    main()
