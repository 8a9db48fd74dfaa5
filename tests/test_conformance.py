"""Every YAML of a backend, ours and those in the `conf` folder that S2S_CONFORMANCE names, keeps what its kind must.

S2S_CONFORMANCE_SERVERS lists the backends whose server is up, such as `llm/vllm,tts/openai`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from s2s.paths import CONF
from s2s.testing.bench import Skipped
from s2s.testing.conformance import Backend, Case, backends

FOLDERS = [CONF, *map(Path, filter(None, [os.environ.get("S2S_CONFORMANCE")]))]
SERVERS = set(os.environ.get("S2S_CONFORMANCE_SERVERS", "").split(","))


def _cases(backend: Backend) -> list[pytest.param]:  # type: ignore[valid-type]
    name = f"{backend.group}/{backend.name}"
    found = backend.cases(name in SERVERS)
    return [pytest.param(case, id=f"{name}-{case.name}", marks=_marks(case)) for case in found]


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.embedded] if case.live and case.needs else []


@pytest.mark.parametrize("case", [param for folder in FOLDERS for b in backends(folder) for param in _cases(b)])
def test_backend(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if FOLDERS == [CONF]:
        monkeypatch.chdir(tmp_path)  # where some of ours leave files; a path in somebody else's YAML begins here
    try:
        case.run()
    except Skipped as reason:
        pytest.skip(str(reason))
