"""A minute of fuzzing over a real socket, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from s2s.paths import PACKAGE

SECONDS = 60


@pytest.mark.slow
def test_nothing_ends_a_connection_and_memory_stays_flat() -> None:
    command = [sys.executable, "-m", "tests.fuzz.socket", "--seconds", str(SECONDS)]
    run = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=4 * SECONDS, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    assert " inputs, " in run.stdout and run.stdout.split(": ")[-1].split(",")[0] != "0 inputs"
