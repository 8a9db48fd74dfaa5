"""`mode=turns` as a user runs it: a table, a chart and lines from one command, and what is said of mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.dom.minidom
from pathlib import Path

import pytest

from s2s.bench import sweep
from s2s.paths import PACKAGE


def s2s(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "s2s", "mode=turns", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240)


def test_mistakes_are_named_before_a_model_loads(tmp_path: Path) -> None:
    done = s2s(tmp_path, "turns.turns=0", "turns.stt_ms=-1", "turns.against=fuse")
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "mode.turns.turns: input should be 1 or more, not 0",
        "mode.turns.stt_ms: input should be 0 or more, not -1",
        "mode.turns.against: no points are called 'fuse'; did you mean 'fused'?",
    ]
    done = s2s(tmp_path, "recipe=text")
    assert "mode.turns: no stage of the graph makes Activity of sound; choose another graph" in done.stderr
    others = [f"turns.points.{name}=null" for name in ("silence", "silence-soon", "smart-soon")]
    done = s2s(tmp_path, *others, 'turns.points.smart="turn=smart turn.complete=x"', "turns.points.fused=turn.x")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "mode.turns.points.smart: turn.complete: input should be a valid number, not 'x'\n" in done.stderr
    assert "mode.turns.points.fused: turn.x: missing EQUAL" in done.stderr


@pytest.mark.embedded
def test_one_command_gives_the_table_the_chart_and_the_lines(tmp_path: Path) -> None:
    words = [f"turns.points.{name}=null" for name in ("smart", "silence-soon", "smart-soon")]
    words += ['turns.points.silence="turn=silence turn.silence_ms=300,1500"', 'turns.points.fused="turn=fused"']
    done = s2s(tmp_path, *words, "turns.turns=4", "turns.svg=a/turns.svg", "turns.out=points.jsonl", "log=warning")
    assert done.returncode == 0, done.stderr
    assert "delay against cut-ins, 4 turns, 90 % intervals" in done.stdout and "silence_ms=1500" in done.stdout
    assert xml.dom.minidom.parse(str(tmp_path / "a" / "turns.svg"))
    found = {tuple(p.overrides): p for p in sweep.read(tmp_path / "points.jsonl")}
    soon, late = (found["turn=silence", f"turn.silence_ms={ms}"] for ms in (300, 1500))
    fused = found["turn=fused",]
    gaps = [p.figures["gap_p50"].value for p in (fused, soon, late)]
    assert gaps == sorted(gaps) and gaps[2] > 1500 and gaps[0] < 700
    assert late.figures["cut_ins"].value == 0 and not any(p.figures["missed"].value for p in found.values())
    assert fused.config["turn"]["_target_"].endswith("Fused") and "turns" in fused.config["mode"]
