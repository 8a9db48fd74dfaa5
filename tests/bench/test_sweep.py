"""`mode=bench` as a user runs it: one point, a sweep with its table and page, and what is said of mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from s2s.bench import report, sweep
from s2s.bench.point import Point
from s2s.bench.report import front
from s2s.bench.table import names, ranked
from s2s.paths import PACKAGE

SCRIPTED = """
defaults:
  - override /vad: null
  - override /turn: null
  - override /stt: null
  - override /llm: null
  - override /tts: null
vad: {_target_: s2s.testing.stages.ScriptedVad, place: {kind: inline}}
turn: {_target_: s2s.testing.stages.ScriptedTurn, silence_ms: 160, place: {kind: inline}}
stt: {_target_: s2s.testing.stages.ScriptedStt, seconds: 0.01, place: {kind: loop}}
llm: {_target_: s2s.testing.stages.ScriptedLlm, words: "yes.", first_seconds: 0.01, api_key: hush, place: {kind: loop}}
tts: {_target_: s2s.testing.stages.ScriptedTts, level: 8000, place: {kind: loop}}
"""
QUICK = ["mode.bench.turns=1", "mode.bench.warm_up=0", "mode.bench.kinds=[plain]", "log=warning"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of stages that answer at once."""
    path = tmp_path / "scripted.yaml"
    path.write_text(SCRIPTED.replace(" api_key: hush,", ""))
    return path


def s2s(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "s2s", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("over", ["realtime", "inproc"])
def test_one_point_is_told_in_a_table_and_leaves_nothing(tmp_path: Path, recipe: Path, over: str) -> None:
    done = s2s(tmp_path, str(recipe), "mode=bench", f"mode.bench.over={over}", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "gap p50 (ms)" in done.stdout and "medians of the gap's parts" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [recipe.name]


def test_a_baseline_tells_noise_from_change(tmp_path: Path, recipe: Path) -> None:
    file = tmp_path / "before.jsonl"
    assert s2s(tmp_path, str(recipe), "mode=bench", f"bench.out={file}", *QUICK).returncode == 0
    words = [str(recipe), "mode=bench", f"bench.baseline={file}", *QUICK]
    slow = s2s(tmp_path, *words, "turn.silence_ms=900")
    (gap,) = [line for line in slow.stdout[slow.stdout.index("since ") :].splitlines() if "gap p50" in line]
    assert "worse" in gap, slow.stdout
    (missed,) = [line for line in slow.stdout[slow.stdout.index("since ") :].splitlines() if "missed" in line]
    assert "within the noise" in missed


def test_a_sweep_leaves_lines_and_a_page_and_tells_the_best_first(tmp_path: Path, recipe: Path) -> None:
    words = ["-m", str(recipe), "mode=bench", "turn.silence_ms=900,160", *QUICK]
    done = s2s(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("2 deployments") :]
    assert table.index("turn.silence_ms=160") < table.index("turn.silence_ms=900")
    (lines,) = tmp_path.glob("sweeps/*/points.jsonl")
    points = sweep.read(lines)
    gaps = {point.config["turn"]["silence_ms"]: point.figures["gap_p50"].value for point in points}
    assert gaps[900] - gaps[160] > 500
    assert points[0].config["turn"]["silence_ms"] == 900 and points[0].machine["cpu"]
    page = lines.with_name("report.html").read_text()
    assert well_formed(page) and "turn.silence_ms=160" in page
    assert "http" not in page.replace("http-equiv", ""), "it loads nothing"


@pytest.mark.parametrize("launcher", ["basic", "isolated"])
def test_a_point_that_can_not_run_does_not_end_the_others(tmp_path: Path, recipe: Path, launcher: str) -> None:
    words = ["-m", str(recipe), f"hydra/launcher={launcher}", "mode=bench", "turn.silence_ms=soon,160"]
    done = s2s(tmp_path, *words, *QUICK)
    assert "turn.silence_ms: input should be a valid number, not 'soon'" in done.stderr
    assert "1 deployment, by" in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mode.bench.over=moon"], "mode.bench.over: input should be realtime, inproc or a URL"),
        (["bench.drop=2"], "mode.bench.drop: input should be a share from 0 to 1, not 2.0"),
        (["mode.bench.callers=0"], "mode.bench.callers: input should be 1 or more, not 0"),
        (["bench.baseline=/nowhere"], "mode.bench.baseline: /nowhere: No such file"),
        (["bench.caller=8"], "mode.bench.caller: Bench has no such option; did you mean 'callers'?"),
        (["mode.bench.corpus=/nowhere"], "mode.bench.corpus: /nowhere: no such folder of speech"),
        (["mode.bench.kinds=[sung]"], "mode.bench.kinds: no turn of the corpus is sung; it has backchannel, "),
    ],
)
def test_mistakes_are_named_before_a_model_loads(tmp_path: Path, recipe: Path, words: list[str], said: str) -> None:
    done = s2s(tmp_path, str(recipe), "mode=bench", *words)
    assert said in done.stderr and done.returncode == 2 and "Traceback" not in done.stderr


def test_a_url_where_nobody_listens_is_told(tmp_path: Path) -> None:
    done = s2s(tmp_path, "mode=bench", "mode.bench.over=ws://127.0.0.1:9/v1", *QUICK)
    assert "mode.bench: the callers stopped: " in done.stderr and "Connect call failed" in done.stderr
    assert done.returncode == 1 and "Traceback" not in done.stderr


def point(*overrides: str, gap: float = 1.0) -> Point:
    """A point."""
    figures = {"gap_p50": {"value": gap, "low": gap, "high": gap, "count": 1}}
    fields = {"callers": 1, "usage": None, "records": [], "config": {"a": {"b": 1}}, "machine": {}, "versions": {}}
    return msgspec.convert({"overrides": list(overrides), "figures": figures, "at": "now", **fields}, Point)


def test_points_are_named_by_what_they_do_not_share() -> None:
    points = [point("log=warning", "tts=a", gap=2.0), point("log=warning", "tts=b")]
    assert names(points) == ["tts=a", "tts=b"]
    assert names(points[:1]) == ["log=warning tts=a"] and names([point()]) == ["as composed"]
    assert ranked(points, "gap_p50") == points[::-1] and ranked(points, "wer") == points


def test_a_page_shows_no_markup_of_its_points_and_no_point_alone_breaks_it() -> None:
    page = report.page([point("llm.model=<script>alert(1)</script>")])
    assert "<script>alert" not in page and well_formed(page)


def test_the_front_is_what_nothing_else_beats() -> None:
    assert front([(1, 5), (2, 2), (5, 1), (3, 3), (2, 2)]) == [0, 1, 2, 4]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "option", "p"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("option", "p") and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def well_formed(page: str) -> bool:
    """Whether every tag is closed, and the configs are JSON."""
    tags = _Tags()
    tags.feed(page)
    configs = page.partition('id="configs">')[2].partition("</script>")[0]
    return not tags.wrong and not tags.open and bool(json.loads(configs))
