"""The conformance kit: a new backend is tried unasked, a broken one fails, and the cases can each go red."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from s2s.messages import Activity, Clause, Line, Prompt, Reply, ReplyEnd, Sound, Speech, Transcript
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.testing.bench import Bench, Skipped
from s2s.testing.conformance import Backend, backends, cases

ROOT = Path(__file__).parents[2]
PYTHON, YAML = re.findall(r"```(?:python|yaml)\n(.*?)```", (ROOT / "docs" / "backends.md").read_text("utf-8"), re.S)[:2]


def tried(folder: Path, python: str, yaml: str) -> tuple[int, str]:
    """Run the conformance tests as a user does who has written `beep.py` and `conf/tts/beep.yaml`."""
    (folder / "beep.py").write_text(python, "utf-8")
    (folder / "conf" / "tts").mkdir(parents=True)
    (folder / "conf" / "tts" / "beep.yaml").write_text(yaml, "utf-8")
    paths = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_conformance.py", "-k", "beep", "-p", "no:cacheprovider", "-rA"],
        cwd=ROOT,
        env={**os.environ, "S2S_CONFORMANCE": str(folder / "conf"), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_backend_of_the_docs_is_short_and_passes_unasked(tmp_path: Path) -> None:
    assert len(PYTHON.splitlines()) <= 40
    code, said = tried(tmp_path, PYTHON, YAML)
    assert code == 0, said
    passed = set(re.findall(r"PASSED .*\[tts/beep-([\w-]+)\]", said))
    assert {"yaml-lists-the-options", "speaks", "takes-any-text", "stops-when-cancelled", "pickles"} <= passed
    assert len(passed) >= 13


def test_odd_bytes_fail(tmp_path: Path) -> None:
    broken = PYTHON.replace(".tobytes()", '.tobytes() + b"x"')
    code, said = tried(tmp_path, broken, YAML)
    assert code == 1
    assert "bytes are no whole number of 16-bit samples" in said
    assert re.search(r"FAILED .*\[tts/beep-speaks\]", said)


@dataclass(kw_only=True)
class Voice(Stage):
    """A voice with faults to choose."""

    fault: str = ""
    sends_hz = 8000

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Send a tenth of a second for each word."""
        call.memory.setdefault("said", []).append(item.text)
        if self.fault == "empty" and not item.text:
            raise IndexError("no text")
        if self.fault == "foreign":
            item.text.encode("latin-1")
        if self.fault == "deaf" and not call.live:
            return
        for number, _ in enumerate(item.text.split()[:5] if self.fault == "short" else item.text.split()):
            rate = 16000 if self.fault == "rate" or (self.fault == "rates" and number % 2) else 8000
            yield Sound(pcm=(b"\0" if self.fault == "silent" else b"\1") * 1600, rate=rate)


def red(stage: Stage, group: str) -> set[str]:
    """Return the names of the cases that fail."""
    failed = set()
    for case in cases(group, stage):
        try:
            case.run()
        except Skipped:
            continue
        except Exception:
            failed.add(case.name)
    return failed


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("", set()),
        ("empty", {"survives-empty-text"}),
        ("foreign", {"takes-any-text"}),
        ("short", {"takes-long-text"}),
        ("silent", {"speaks"}),
    ],
)
def test_each_fault_of_a_voice_is_told(fault: str, names: set[str]) -> None:
    assert red(Voice(fault=fault), "tts") == names


@pytest.mark.parametrize("fault", ["rate", "rates"])
def test_wrong_rates_are_told(fault: str) -> None:
    assert "speaks" in red(Voice(fault=fault), "tts")


@dataclass(kw_only=True)
class Model(Stage):
    """A language model that counts, asynchronously."""

    ends: int = 1

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd]:
        """Send the numbers up to the limit of tokens."""
        for number in range(call.settings.max_tokens or 9):
            yield Reply(text=f"{number} ")
        for _ in range(self.ends):
            yield ReplyEnd()


def test_asynchronous_stages_are_driven_too() -> None:
    assert red(Model(), "llm") == set()
    assert "answers-and-ends-once" in red(Model(ends=2), "llm")
    assert "answers-and-ends-once" in red(Model(ends=0), "llm")
    bench = Bench(Model())
    call = bench.call(settings=Settings(max_tokens=2))
    assert bench.drain(call, Prompt(lines=(Line(role="user", text="hi"),)))[-1] == ReplyEnd()
    bench.close()


@dataclass(kw_only=True)
class Recogniser(Stage):
    """A recogniser that gives every caller's bytes to everyone, or its final too early."""

    early: bool = False
    pcm: ClassVar[list[bytes]] = []

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        """Hear one piece."""
        if any(item.pcm):
            self.pcm.append(item.pcm)
        if self.early and item.mark == "end":
            yield Transcript(text="")

    def finish(self, call: Call) -> Iterator[Transcript]:
        """Say what was ever heard."""
        yield Transcript(text="it was the best of times and the worst of times " * bool(self.pcm))


def test_a_recogniser_that_mixes_its_callers_is_told() -> None:
    failed = red(Recogniser(), "stt")
    assert {"keeps-callers-apart", "keeps-turns-apart"} <= failed
    assert "understands-speech" not in failed
    assert "understands-speech" in red(Recogniser(early=True), "stt")


@dataclass(kw_only=True)
class Endless(Stage):
    """A turn detector whose turns never end."""

    def run(self, call: Call, item: Activity) -> Iterator[Speech]:
        """Open a turn and keep it open."""
        opened = call.state.setdefault("opened", item.speech > 0.5)
        if item.speech > 0.5 or opened:
            mark = "more" if call.state.get("open") else "start"
            call.state["open"] = True
            yield Speech(pcm=item.pcm, rate=item.rate, mark=mark)  # type: ignore[arg-type]


def test_a_turn_that_never_ends_is_told() -> None:
    assert {"marks-begin-and-end-turns", "ends-the-turn-with-the-call"} <= red(Endless(), "turn")


@dataclass(kw_only=True)
class Remote(Voice):
    """A voice behind a server."""

    base_url: str = "http://127.0.0.1:9"


def test_what_can_not_be_tried_says_why() -> None:
    with pytest.raises(Skipped, match="it asks a server, and none was named"):
        Bench(Remote()).loaded()
    assert Bench(Remote(), server=True).loaded()

    class Absent(Voice):
        """A voice whose package is not there."""

        needs = ("no_such_package",)
        extra = "absent"

    with pytest.raises(Skipped, match=r"Absent needs the package 'no_such_package': pip install 's2s\[absent\]'"):
        Bench(Absent()).loaded()

    class Weightless(Voice):
        """A voice whose weights are not there."""

        def weights(self) -> list[str]:
            """Return a path that is not there."""
            return ["/nonexistent/voice.onnx"]

    with pytest.raises(Skipped, match=r"/nonexistent/voice\.onnx: no such file"):
        Bench(Weightless()).loaded()


def backend(folder: Path, yaml: str) -> Backend:
    (folder / "tts").mkdir(exist_ok=True)
    (folder / "tts" / "voice.yaml").write_text(yaml, "utf-8")
    (found,) = backends(folder)
    return found


GOOD = f"""# A voice.
defaults:
  - /place@place: thread
  - _self_
_target_: {__name__}.Voice
# what is wrong with it
fault: ""
"""


@pytest.mark.parametrize(
    ("yaml", "case", "text"),
    [
        (GOOD.replace("\nfault", "\nfalut"), "yaml-lists-the-options", r"\['falut'\] are no options of Voice"),
        (GOOD.replace('fault: ""\n', ""), "yaml-lists-the-options", r"\['fault'\] of Voice are not listed"),
        (GOOD.replace("# what is wrong with it\n", ""), "yaml-explains-every-key", "no comment says what fault trades"),
        (GOOD[len("# A voice.\n") :], "yaml-explains-every-key", "the first line should say what it is"),
        (GOOD.replace("thread", "loop"), "yaml-places-it", "loop is for an asynchronous run"),
        (GOOD.replace("Voice", "Nobody"), "stage", "no class 'Nobody'"),
        (
            GOOD.replace("Voice", "Model").replace('fault: ""', "ends: 1"),
            "ports-fit-the-group",
            "take Clause",
        ),
        (
            GOOD.replace("Voice", "Model").replace('fault: ""', "ends: 1"),
            "yaml-places-it",
            "placed at loop",
        ),
        (GOOD.replace('""', "???"), "stage", "options without a value"),
    ],
)
def test_what_is_wrong_with_a_yaml_is_told(tmp_path: Path, yaml: str, case: str, text: str) -> None:
    found = {c.name: c for c in backend(tmp_path, yaml).cases()}
    with pytest.raises((AssertionError, ValueError, Skipped), match=text):
        found[case].run()


def test_a_good_yaml_passes(tmp_path: Path) -> None:
    for case in backend(tmp_path, GOOD).cases():
        try:
            case.run()
        except Skipped:
            assert case.name == "missing-weights-are-named"
