"""What every backend must keep, as cases that any test runner can run; it needs no pytest.

    for case in cases("tts", MyVoice()):
        case.run()                          # raises AssertionError, or Skipped with the reason

`backends` finds the YAML of a `conf` folder, `Backend.cases` are those of its YAML and of the stage that it makes.
The cases that are `live` load the stage; they are skipped where its package, its weights or its server are not there.
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from s2s.messages import Activity, Audio, Clause, Message, Prompt, Reply, ReplyEnd, Sound, Speech, Transcript
from s2s.options import make, options, resolved
from s2s.paths import CONF
from s2s.settings import Settings
from s2s.stage import Stage, ports
from s2s.targets import find
from s2s.testing import conformance_kinds
from s2s.testing.bench import Bench, Skipped

PORTS: dict[str, tuple[type[Message], frozenset[type[Message]]]] = {
    "vad": (Audio, frozenset({Activity})),
    "turn": (Activity, frozenset({Speech})),
    "stt": (Speech, frozenset({Transcript})),
    "llm": (Prompt, frozenset({Reply, ReplyEnd})),
    "tts": (Clause, frozenset({Sound})),
}
"""What a stage of each group takes, and what it sends, at the least."""

GROUPS = (*PORTS, "text")


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing that must hold: `run` raises AssertionError where it does not, and Skipped where it can't be tried.

    `live` cases load the stage, with the packages that it `needs`.
    """

    name: str
    run: Callable[[], None]
    live: bool = False
    needs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Backend:
    """The YAML of a stage: `<folder>/<group>/<name>.yaml`."""

    folder: Path
    group: str
    name: str

    @property
    def path(self) -> Path:
        """Return where the YAML lies."""
        return self.folder / self.group / f"{self.name}.yaml"

    def composed(self) -> Any:
        """Return the YAML as Hydra composes it, with its defaults, and `device=cpu`."""
        from hydra import compose, initialize_config_dir

        search = f"hydra.searchpath=[{CONF.as_uri()}]"
        with initialize_config_dir(str(self.folder.absolute()), version_base="1.3"):
            return compose(overrides=[search, f"+{self.group}={self.name}", "+device=cpu"])

    def stage(self) -> Stage:
        """Return the stage that the YAML makes; raise AssertionError if it makes none, Skipped if it lacks a value."""
        mistakes: list[str] = []
        node = resolved(self.composed(), "", mistakes)[self.group]
        assert not mistakes, "\n".join(mistakes)
        cls = find(node.get("_target_"), Stage, self.group)
        stage = make(cls, node, self.group, mistakes, besides=("place", "_target_"), whole=False)
        assert not mistakes, "\n".join(mistakes)
        if stage is None:
            raise Skipped(f"{self.group}={self.name} has options without a value: give them to try it")
        return stage

    def cases(self, server: bool = False) -> list[Case]:
        """Return what must hold for the YAML and its stage; `server` says that the server that it asks is up."""
        found = [
            Case("yaml-lists-the-options", lambda: _lists_options(self)),
            Case("yaml-explains-every-key", lambda: _explains(self.path)),
            Case("yaml-places-it", lambda: _places(self)),
        ]
        try:
            return [*found, *cases(self.group, self.stage(), server)]
        except Skipped as reason:
            return [*found, Case("stage", _raising(reason))]
        except Exception as error:
            return [*found, Case("stage", _raising(error))]


def backends(folder: Path = CONF, groups: tuple[str, ...] = GROUPS) -> list[Backend]:
    """Return the backends whose YAML lies in the groups of a `conf` folder."""
    return [Backend(folder, group, path.stem) for group in groups for path in sorted((folder / group).glob("*.yaml"))]


def cases(group: str, stage: Stage, server: bool = False) -> list[Case]:
    """Return what must hold for a stage of `group`: vad, turn, stt, llm, tts, or text for any other."""
    still = {
        "ports-fit-the-group": lambda: _fits(group, type(stage)),
        "needs-and-honours-are-known": lambda: _declares(stage),
        "pickles": lambda: _pickles(stage),
    }
    bench = Bench(stage, server)
    live = {
        "options-are-frozen-once-loaded": lambda: _freezes(bench),
        "missing-weights-are-named": lambda: conformance_kinds.names_missing_weights(bench),
        **{name: _on(bench, check) for name, check in conformance_kinds.KINDS.get(group, {}).items()},
        "closes": bench.close,
    }
    tried = [Case(name, run) for name, run in still.items()]
    return tried + [Case(name, run, True, stage.needs) for name, run in live.items()]


def _on(bench: Bench, check: Callable[[Bench], None]) -> Callable[[], None]:
    return lambda: check(bench)


def _raising(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def _lists_options(backend: Backend) -> None:
    node: Mapping[str, Any] = backend.composed()[backend.group]
    cls = find(node.get("_target_"), Stage, backend.group)
    listed, known = set(node) - {"_target_", "place"}, set(options(cls))
    assert not listed - known, f"{backend.path}: {sorted(listed - known)} are no options of {cls.__name__}"
    assert not known - listed, f"{backend.path}: {sorted(known - listed)} of {cls.__name__} are not listed"


def _explains(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert "".join(lines[:1]).startswith("#"), f"{path}: the first line should say what it is and what to install"
    explained = set().union(*map(_explained, [path, *_bases(path)]), {"defaults", "_target_", "place"})
    bare = sorted(_keys(path) - explained)
    assert not bare, f"{path}: no comment says what {', '.join(bare)} trades"


def _bases(path: Path) -> list[Path]:
    """Return the YAMLs of the same group that this one builds on."""
    names = re.findall(r"^ +- ([\w-]+)$", path.read_text("utf-8"), re.MULTILINE)
    bases = [path.with_name(f"{name}.yaml") for name in names if name != "_self_"]
    return [base for base in bases if base.is_file()]


def _keys(path: Path) -> set[str]:
    return set(re.findall(r"^([\w-]+):", path.read_text("utf-8"), re.MULTILINE))


def _explained(path: Path) -> set[str]:
    """Return the keys that have a comment at their right or above."""
    text = path.read_text("utf-8")
    right, below = r"^([\w-]+):.*#", r"^#.*\n([\w-]+):"
    return {key for pattern in (right, below) for key in re.findall(pattern, text, re.MULTILINE)}


def _places(backend: Backend) -> None:
    node = backend.composed()[backend.group]
    cls = find(node.get("_target_"), Stage, backend.group)
    asynchronous = inspect.isasyncgenfunction(cls.run)  # type: ignore[attr-defined]
    kind = node.get("place", {}).get("kind")
    assert kind, f"{backend.path}: its defaults should begin with '/place@place: thread', loop or inline"
    assert not asynchronous or kind != "thread", f"{backend.path}: an asynchronous run is placed at loop, not thread"
    fits_loop = asynchronous or hasattr(cls, "run_batch")
    assert fits_loop or kind != "loop", (
        f"{backend.path}: loop is for an asynchronous run, or for batches; place it inline or thread"
    )


def _fits(group: str, cls: type[Stage]) -> None:
    takes, sends = ports(cls)
    assert takes, f"{cls.__name__}.run takes no message"
    if group in PORTS:
        taken, sent = PORTS[group]
        assert taken in takes, f"{cls.__name__} should take {taken.__name__}"
        assert sent <= sends, f"{cls.__name__} should send {', '.join(sorted(kind.__name__ for kind in sent))}"
    assert cls.__doc__, f"{cls.__name__} has no docstring"


def _declares(stage: Stage) -> None:
    name = type(stage).__name__
    assert not stage.needs or stage.extra, f"{name}.needs names packages; extra should say what installs them"
    unknown = stage.honours - set(Settings.__struct_fields__)
    assert not unknown, f"{name}.honours: {sorted(unknown)} are no fields of Settings"
    for rate in (stage.takes_hz, stage.sends_hz):
        assert rate is None or rate > 0, f"{name}: {rate} is no sample rate"


def _pickles(stage: Stage) -> None:
    assert pickle.loads(pickle.dumps(stage)) == stage, f"{type(stage).__name__} changes when it is pickled"


def _freezes(bench: Bench) -> None:
    for name in options(type(bench.loaded())):
        try:
            setattr(bench.stage, name, getattr(bench.stage, name))
        except AttributeError:
            continue
        raise AssertionError(f"{type(bench.stage).__name__}.{name} can be changed after load")
