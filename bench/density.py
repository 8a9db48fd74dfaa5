"""How many callers one core holds: latency that the server adds, processor and memory, at more and more callers.

    python bench/density.py 25 50 100 200 400        # server on core 0, callers on core 1

Callers speak turns of the bench corpus over WebSockets in frames of 40 ms, without a break; see `density.yaml`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from s2s.bench.caller import Plan
from s2s.bench.client import Task

HERE = Path(__file__).parent
SETTLE_S, MEASURE_S = 8.0, 15.0


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def measure(callers: int) -> dict[str, float]:
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
        plan = Plan(turns=1000, warm_up=0, ramp_s=4.0)
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
        busy = time.process_time()
        time.sleep(MEASURE_S)
        after = asked()
        assert client.poll() is None, "the callers stopped"
        return {
            "callers": callers,
            "in_p50": float(np.percentile(after["in"], 50)),
            "in_p99": float(np.percentile(after["in"], 99)),
            "out_p50": float(np.percentile(after["out"], 50)),
            "out_p99": float(np.percentile(after["out"], 99)),
            "hops": len(after["in"]) / MEASURE_S / callers,
            "cpu": (after["cpu"] - before["cpu"]) / MEASURE_S * 100,  # type: ignore[operator]
            "rss_mb": rss_kb(server.pid) / 1000,
            "kb_a_caller": (rss_kb(server.pid) - empty) / callers,
            "mine": time.process_time() - busy,
        }
    finally:
        for process in (client, server):
            if process is not None:
                process.kill()
                process.wait()


def main(counts: list[int]) -> None:
    """Print a line for each number of callers."""
    print("callers  in p50/p99 ms  out p50/p99 ms  hops/s  core %  RSS MB  KB a caller")
    for count in counts:
        row = measure(count)
        print(
            f"{count:7d}  {row['in_p50']:6.1f} {row['in_p99']:6.1f}  {row['out_p50']:6.1f} {row['out_p99']:7.1f}"
            f"  {row['hops']:6.1f}  {row['cpu']:6.0f}  {row['rss_mb']:6.0f}  {row['kb_a_caller']:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [25, 50, 100, 200, 400])
