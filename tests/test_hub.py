"""Weights of a hub, by the hub's own client from a server that speaks its protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.weights import pinned
from tests.hub import REVISION, Hub, serving

FILES = {"config.json": b"{}", "model.safetensors": b"w" * 1000, "model.onnx": b"x", "voices/a.bin": b"a"}
SHOW = """
import sys
from s2s.weights import resolve
path = resolve(sys.argv[1], progress=False)
files = sorted(path.rglob("*")) if path.is_dir() else [path]
print(path, *(file.relative_to(path) for file in files if file != path and file.is_file()))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving({"owner/name": FILES, "owner/shy": FILES}, gated=frozenset({"owner/shy"})) as running:
        yield running


def environment(hub: Hub, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    return {**kept, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def shown(hub: Hub, home: Path, source: str, **more: str) -> tuple[str, str]:
    """Resolve a source in a process of its own; return what it prints, and the last line of its errors."""
    command = [sys.executable, "-c", SHOW, source]
    child = subprocess.run(command, env={**environment(hub, home), **more}, capture_output=True, text=True, check=False)
    return child.stdout.strip(), (child.stderr.strip().splitlines() or [""])[-1]


def test_a_repository_is_fetched_without_other_libraries_copies_and_kept(hub: Hub, tmp_path: Path) -> None:
    found, _ = shown(hub, tmp_path, "hf:owner/name")
    folder, *files = found.split()
    assert folder.endswith(f"/snapshots/{REVISION}")
    assert files == ["config.json", "model.safetensors", "voices/a.bin"]
    assert shown(hub, tmp_path, "hf:owner/name", HF_HUB_OFFLINE="1")[0] == found
    assert shown(hub, tmp_path, f"hf:owner/name@{REVISION}", HF_HUB_OFFLINE="1")[0] == found


def test_a_folder_and_a_file_are_fetched_alone(hub: Hub, tmp_path: Path) -> None:
    assert shown(hub, tmp_path, "hf:owner/name/voices/")[0].split()[1:] == ["a.bin"]
    assert shown(hub, tmp_path, "hf:owner/name@main/model.onnx")[0].endswith(f"/{REVISION}/model.onnx")
    assert not [path for path in hub.asked if path.endswith("model.safetensors")]


@pytest.mark.parametrize(
    ("source", "reason", "remedy"),
    [
        ("hf:owner/nobody", "no such repository", "check the name and the network, or run: hf download owner/nobody"),
        ("hf:owner/name@v9", "no such revision", "check the name and the network, or run: hf download owner/name"),
        ("hf:owner/name/b.bin", "no such file", "check the name and the network, or run: hf download owner/name"),
        ("hf:owner/name/ears/", "owner/name has no folder 'ears/'", "or run: hf download owner/name"),
        ("hf:owner/shy", "conditions", "accept the conditions of owner/shy on its page, and run: hf auth login"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_a_remedy(
    hub: Hub, tmp_path: Path, source: str, reason: str, remedy: str
) -> None:
    found, told = shown(hub, tmp_path, source)
    assert not found
    assert f"WeightsError: {source}: not in the hub's cache and not fetched:" in told
    assert reason in told and told.endswith(remedy)


def test_a_version_is_named_by_its_pin() -> None:
    folder = Path(f"/cache/hub/models--owner--name/snapshots/{REVISION}")
    assert pinned("hf:owner/name", folder) == f"hf:owner/name@{REVISION}"
    assert pinned("hf:owner/name@main/a/b.bin", folder / "a/b.bin") == f"hf:owner/name@{REVISION}/a/b.bin"
    assert pinned(f"hf:owner/name@{REVISION}", folder) is None
    assert pinned(f"hf:owner/name/a.bin#sha256={'0' * 64}", folder / "a.bin") is None
    assert pinned("pip:a==1/a.bin", folder) is None and pinned("models/a", Path("models/a")) is None


def test_pull_names_the_pin(hub: Hub, tmp_path: Path) -> None:
    words = ["mode=pull", "graph=captions", "stt.model=hf:owner/name"]
    child = subprocess.run(
        [sys.executable, "-m", "s2s", *words],
        env=environment(hub, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"     stays at this version as hf:owner/name@{REVISION}\n" in child.stdout, child.stdout + child.stderr
