"""A TCP proxy that adds a delay in each direction: a network on loopback.

`python -m bench.delay LISTEN_HOST PORT HOST PORT ONE_WAY_MS` prints "ready" and serves until its
standard input ends. `Delay` runs it in a separate process, so its CPU is not counted.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Self

from demo.servers import Process, ServerError

READ_BYTES = 1 << 16


class Delay:
    """A running proxy from LISTEN_HOST:port to 127.0.0.1:port."""

    def __init__(self, listen_host: str, port: int, one_way_ms: float) -> None:
        self._args = [listen_host, str(port), "127.0.0.1", str(port), str(one_way_ms)]
        self._folder = tempfile.TemporaryDirectory(prefix="delay-")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.delay", *self._args]
        log = Path(self._folder.name, "delay.log")
        process = self._process = Process(command, log=log, talk=True)
        if process.popen.stdout is None or process.popen.stdout.readline() != b"ready\n":
            raise ServerError(f"the proxy did not start:\n{process.tail()}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()
        self._folder.cleanup()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Forward each piece, and the end of the stream, `delay_s` after it arrived."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    writing = asyncio.create_task(write())
    data = b"some"
    while data:
        try:
            data = await reader.read(READ_BYTES)
        except OSError:
            data = b""
        pieces.put_nowait((loop.time() + delay_s, data))
    try:
        await writing
    except OSError:
        writer.close()


async def serve(listen_host: str, port: int, host: str, to_port: int, delay_s: float) -> None:
    """Serve until standard input ends."""

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, to_port)
        await asyncio.gather(
            carry(reader, there_writer, delay_s), carry(there_reader, writer, delay_s)
        )

    async with await asyncio.start_server(visit, listen_host, port):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Run one proxy."""
    listen_host, port, host, to_port, one_way_ms = sys.argv[1:]
    asyncio.run(serve(listen_host, int(port), host, int(to_port), float(one_way_ms) / 1000))


if __name__ == "__main__":
    main()
