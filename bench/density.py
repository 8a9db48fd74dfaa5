"""How many callers one core holds: latency that the server adds, processor and memory, at more and more callers.

    python bench/density.py 20 100 200 --runs 5 --awake     # server on core 0, callers on core 1
    python bench/density.py 20 200 --silent                 # callers who listen only
    python bench/density.py 10 20 --server 'peer/bin/python bench/peers/pipecat_server.py'

Callers speak turns of the bench corpus over WebSockets in frames of 40 ms, without a break; see `density.yaml`. "in" is
from the last byte of a frame to the detector's decision on its sound, "out" from a sound's synthesis to its write.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from s2s.bench.caller import Plan
from s2s.bench.client import Task

HEAD = "callers  in p50   p99 ms  out p50   p99 ms  hops/s  core %  callers' core %  RSS MB"
LINE = (
    "{callers:7.0f}  {in_p50:6.1f} {in_p99:8.1f}  {out_p50:7.1f} {out_p99:8.1f}  {hops:6.1f}  {cpu:6.0f}"
    "  {client:15.0f}  {rss_mb:6.0f}"
)
SETTLE_S, MEASURE_S = 8.0, 15.0
EACH = 8
"""One caller in so many is watched."""
SERVER = [sys.executable, str(Path(__file__).with_name("density_server.py"))]
IDLE = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0


def busy_s(pid: int) -> float:
    """Return the processor time of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def begun(core: int, words: list[str], told: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """Run a process on one core; what it prints goes to `told`."""
    process = subprocess.Popen(["taskset", "-c", str(core), *words], stdin=subprocess.PIPE, stdout=told, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def measure(callers: int, server_words: list[str], silent: bool) -> dict[str, float]:
    """Serve so many callers for a while."""
    client_words = [sys.executable, "-m", "s2s.bench.client"]
    with begun(0, server_words) as server, begun(1, client_words, subprocess.DEVNULL) as client:
        assert server.stdin is not None
        assert server.stdout is not None
        assert client.stdin is not None
        plan = Plan(turns=1000, warm_up=0, ramp_s=4.0, before_s=1000.0 if silent else 0.5, frame_ms=40)
        url = f"ws://{server.stdout.readline().strip()}/v1"
        task = Task(url=url, callers=callers, plan=plan, kinds=("plain", "short-pause", "long-pause"))
        client.stdin.write(msgspec.json.encode(task).decode())
        client.stdin.close()
        time.sleep(SETTLE_S)

        def asked() -> dict[str, list[float]]:
            server.stdin.write("\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        before, client_s = asked(), busy_s(client.pid)
        time.sleep(MEASURE_S)
        after, client_s = asked(), busy_s(client.pid) - client_s
        assert client.poll() is None, "the callers stopped"
        ways = {
            f"{way}_p{share}": float(np.percentile(after[way] or [0], share))
            for way in ("in", "out")
            for share in (50, 99)
        }
        return {
            "callers": callers,
            **ways,
            "hops": len(after["in"]) / MEASURE_S / -(-callers // EACH),
            "cpu": (after["cpu"] - before["cpu"]) / MEASURE_S * 100,  # type: ignore[operator]
            "client": client_s / MEASURE_S * 100,
            "rss_mb": rss_mb(server.pid),
        }


def main() -> None:
    """Print a line for each run, and the medians of each number of callers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("callers", type=int, nargs="*", default=[25, 50, 100, 200, 400])
    parser.add_argument("--runs", type=int, default=1, help="of each, whose median counts")
    parser.add_argument("--silent", action="store_true", help="callers say nothing")
    parser.add_argument("--awake", action="store_true", help="let no core sleep: virtual ones take 1 to 2 ms to wake")
    parser.add_argument("--server", type=shlex.split, default=SERVER, help="another server's command")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        for core in (0, 1) if asked.awake else ():
            stack.enter_context(begun(core, [sys.executable, "-c", IDLE]))
        print(HEAD)
        medians: dict[int, dict[str, float]] = {}
        for count in asked.callers:
            rows = []
            for _ in range(asked.runs):
                rows.append(measure(count, asked.server, asked.silent))
                print(LINE.format(**rows[-1]), flush=True)
            medians[count] = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        if asked.runs > 1:
            print(f"medians of {asked.runs} runs")
            for row in medians.values():
                print(LINE.format(**row))
        few, many = min(medians), max(medians)
        if few < many:
            more_kb = (medians[many]["rss_mb"] - medians[few]["rss_mb"]) * 1000 / (many - few)
            print(f"memory of a caller: {more_kb:.0f} KB, from {few} to {many} callers")


if __name__ == "__main__":
    main()
