"""What every backend is put through in an environment of its own: the conformance of its kind, and a conversation."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2s.messages import Message
from s2s.stage import Call, Stage
from s2s.testing.bench import Skipped
from s2s.testing.conformance import cases
from tests.hub import serving


def built(name: str, build: Callable[[Path], object]) -> Path:
    """Return the folder that `build` fills with a checkpoint: kept with the environment until the builder changes."""
    code = Path(inspect.getfile(build)).read_bytes()
    folder = Path(sys.prefix) / "checkpoints" / f"{name}-{hashlib.sha256(code).hexdigest()[:12]}"
    if not folder.exists():
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        build(half)
        half.rename(folder)
    return folder


def conforms(group: str, stage: Stage, cannot: Mapping[str, str] | None = None) -> None:
    """Run all cases of a kind on a stage; those that it `cannot` keep, or be tried by, are named, each with its reason.

    A named one that passes is wrong too, and so is any other that is skipped: its package and its weights are here.
    """
    excused = dict(cannot or {})
    wrong = []
    for case in cases(group, stage):
        reason = excused.pop(case.name, "")
        try:
            case.run()
        except (Skipped, Exception) as error:
            said = f"{type(error).__name__}: {error}"
            print(f"{group}/{type(stage).__name__} {case.name}: {'cannot: ' + reason if reason else said}")
            if not reason:
                wrong.append(f"{case.name}: {said}")
        else:
            print(f"{group}/{type(stage).__name__} {case.name}: ok")
            if reason:
                wrong.append(f"{case.name}: it can, though it is said that it cannot: {reason}")
    wrong += [f"{name}: no such case" for name in excused]
    assert not wrong, "\n".join(wrong)


def from_hub(stage: Stage, files: Path | Mapping[str, Path]) -> None:
    """Load a stage in a process of its own from a hub, whose repositories, as the stage names them, have `files`."""
    if isinstance(files, Path):
        folder = files
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    held = {name: path.read_bytes() for name, path in files.items()}
    wanted = [source.removeprefix("hf:").split("/") for source in stage.weights() if source.startswith("hf:")]
    names = ["/".join(parts[:2]).partition("@")[0] for parts in wanted]
    code = "import pickle, sys; stage = pickle.load(sys.stdin.buffer); stage.load(); stage.close(); print('loaded')"
    with serving(dict.fromkeys(names, held)) as hub, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": home, "HF_HUB_OFFLINE": "0"}
        child = subprocess.run(
            [sys.executable, "-c", code], input=pickle.dumps(stage), env=environment, capture_output=True, check=False
        )
        asked = {"/".join(path.split("/")[:2]) for path in hub.asked}
    assert child.stdout.decode().strip().endswith("loaded"), child.stderr.decode()
    assert names[0] in asked


def stopped_after(stage: Any, call: Call, item: Message, seconds: float) -> tuple[list[Any], float]:
    """Cancel an answer from another thread; return what came of it and how long it went on, in seconds."""
    cancelled: list[float] = []

    def cancel() -> None:
        cancelled.append(time.monotonic())
        stage.cancel(call)

    timer = threading.Timer(seconds, cancel)
    timer.start()
    items = list(stage.run(call, item))
    ended = time.monotonic()
    timer.join()
    return items, ended - cancelled[0]


@dataclass(frozen=True)
class Talk:
    """Word error rates of a conversation: of what was heard, and of what was said, by other ears; and the answers."""

    heard: float
    said: float
    answers: tuple[str, ...] = ()


async def talk(*words: str, turns: int = 2, patience_s: float = 60.0) -> Talk:
    """Start a server with `words`, speak to it through the `openai` package, print and return how well that went."""
    from tests.embedded.client import HZ, SdkCaller
    from tests.embedded.other_ears import heard_back
    from tests.embedded.server import running
    from tests.embedded.speech import TURNS, turn_sound, word_error_rate

    with running("turn=silence", *words) as server:
        async with SdkCaller(server.url) as caller:
            await caller.be_silent(0.3)
            for number in range(turns):
                await caller.speak(turn_sound(number, HZ))
                await caller.be_silent_until(
                    lambda n=number: len(caller.answers) > n and caller.answers[n].done, patience_s
                )
    heard = list(zip((text for *_, text in TURNS), caller.transcripts, strict=False))
    said = [(answer.words, heard_back(answer.words, answer.samples)) for answer in caller.answers]
    found = Talk(word_error_rate(heard), word_error_rate(said), tuple(words for words, _ in said))
    print(f"\n{' '.join(words)}: WER {found.heard:.3f} in, {found.said:.3f} back: {heard} {said}")
    return found
