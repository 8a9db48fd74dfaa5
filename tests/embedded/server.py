"""The embedded stack in a process of its own, as a user starts it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from queue import Queue


class Server:
    """A running `s2s-run`; `output` holds what it has printed so far."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "s2s", "mode.realtime.port=0", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        )
        self.output: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""
        while not self.url:
            line = self._lines.get(timeout=180)
            assert line is not None, "the server ended:\n" + "".join(self.output)
            if found := re.search(r"base_url (https?://\S+/v1)", line):
                self.url = found[1]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.output.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def rss_mb(self) -> float:
        """The memory that it holds, in MB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024  # type: ignore[index]

    def close(self) -> int:
        """Ask it to end and return its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """A server of its own, which ends well."""
    server = Server(*arguments)
    try:
        yield server
    finally:
        status = server.close()
    said = "".join(server.output)
    assert status == 0 and "Traceback" not in said, said
