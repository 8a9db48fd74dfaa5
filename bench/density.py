"""How many callers one core holds: latency that the server adds, processor and memory, at more and more callers.

    python bench/density.py 25 50 100 200 400        # server on core 0, callers on core 1

Callers speak turns of the bench corpus over WebSockets in frames of 40 ms, without a break; see `density.yaml`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from s2s.bench.caller import Plan
from s2s.bench.client import Task

EACH = 8
"""One caller in so many is watched."""
HERE = Path(__file__).parent
HEAD = "callers  in p50   p99 ms  out p50   p99 ms  hops/s  core %  callers' core %  RSS MB  KB a caller"
LINE = (
    "{callers:7d}  {in_p50:6.1f} {in_p99:8.1f}  {out_p50:7.1f} {out_p99:8.1f}  {hops:6.1f}  {cpu:6.0f}  {client:15.0f}"
    "  {rss_mb:6.0f}  {kb_a_caller:11.0f}"
)
SETTLE_S, MEASURE_S = 8.0, 15.0


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def busy_s(pid: int) -> float:
    """Return the processor time of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure(callers: int, silent: bool = False) -> dict[str, float]:
    """Serve so many callers for a while."""
    server = subprocess.Popen(
        ["taskset", "-c", "0", sys.executable, str(HERE / "density_server.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    client = None
    try:
        address = server.stdout.readline().strip()
        empty = rss_kb(server.pid)
        plan = Plan(turns=1000, warm_up=0, ramp_s=4.0, before_s=1000.0 if silent else 0.5)
        task = Task(url=f"ws://{address}/v1", callers=callers, plan=plan, kinds=("plain", "short-pause", "long-pause"))
        client = subprocess.Popen(
            ["taskset", "-c", "1", sys.executable, "-m", "s2s.bench.client"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert client.stdin is not None
        client.stdin.write(msgspec.json.encode(task))
        client.stdin.close()
        time.sleep(SETTLE_S)

        def asked() -> dict[str, list[float]]:
            server.stdin.write("\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        before = asked()
        busy = busy_s(client.pid)
        time.sleep(MEASURE_S)
        after = asked()
        assert client.poll() is None, "the callers stopped"
        return {
            "callers": callers,
            "in_p50": float(np.percentile(after["in"], 50)),
            "in_p99": float(np.percentile(after["in"], 99)),
            "out_p50": float(np.percentile(after["out"] or [0], 50)),
            "out_p99": float(np.percentile(after["out"] or [0], 99)),
            "hops": len(after["in"]) / MEASURE_S / (-(-callers // EACH)),
            "cpu": (after["cpu"] - before["cpu"]) / MEASURE_S * 100,  # type: ignore[operator]
            "rss_mb": rss_kb(server.pid) / 1000,
            "kb_a_caller": (rss_kb(server.pid) - empty) / callers,
            "client": (busy_s(client.pid) - busy) / MEASURE_S * 100,
        }
    finally:
        for process in (client, server):
            if process is not None:
                process.kill()
                process.wait()


def main(words: list[str]) -> None:
    """Print a line for each number of callers."""
    silent = "silent" in words
    counts = [int(word) for word in words if word != "silent"] or [25, 50, 100, 200, 400]
    print(HEAD)
    for count in counts:
        row = measure(count, silent)
        print(LINE.format(**row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
