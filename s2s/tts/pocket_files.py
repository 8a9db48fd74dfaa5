"""What a configuration of pocket-tts names: its files, as sources of weights, and as they lie here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from s2s.weights import WeightsError

_BY_CODE = "en:english fr:french de:german pt:portuguese it:italian es:spanish nl:dutch"
LANGUAGES = dict(pair.split(":") for pair in _BY_CODE.split())
_FILES = (
    ("weights_path",),
    ("flow_lm", "weights_path"),
    ("mimi", "weights_path"),
    ("flow_lm", "lookup_table", "tokenizer_path"),
)


def shipped(language: str) -> Path | None:
    """Return the package's configuration for a language, None where there is no package.

    Raises ValueError for one that it does not have.
    """
    package = importlib.util.find_spec("pocket_tts")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / "config"
    name = LANGUAGES.get(language.partition("-")[0].lower(), language)
    if not (folder / f"{name}.yaml").is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise ValueError(f"language: pocket-tts has no {language!r}; give one of {known}")
    return folder / f"{name}.yaml"


def configuration(path: Path, cloning: bool) -> dict[str, Any]:
    """Return the configuration at `path`, with sources of weights in it.

    The weights are those that can clone a voice, or those that can't, which nobody has to agree to terms for.
    """
    from omegaconf import OmegaConf

    try:
        found: Any = OmegaConf.to_container(OmegaConf.load(path))
        lighter = found.pop("weights_path_without_voice_cloning", None)
        if lighter and not cloning:
            found["weights_path"] = lighter
        for section, key in _named(found):
            section[key] = source(section[key], path.parent)
    except Exception as error:
        raise WeightsError(f"{path}: no configuration of pocket-tts; name its .yaml file") from error
    return dict(found)


def sources(found: dict[str, Any]) -> list[str]:
    """Return the sources that a configuration names."""
    return [section[key] for section, key in _named(found)]


def here(found: dict[str, Any], resolve: Any) -> dict[str, Any]:
    """Return the configuration with the paths of its files in place of their sources."""
    for section, key in _named(found):
        section[key] = str(resolve(section[key]))
    return found


def source(url: str, folder: Path) -> str:
    """Return as a source of weights what pocket-tts writes as a path, or as hf://owner/name/path@revision."""
    if not url.startswith("hf://"):
        return str(folder / url)
    path, _, revision = url.removeprefix("hf://").partition("@")
    owner, name, rest = path.split("/", 2)
    return f"hf:{owner}/{name}{f'@{revision}' if revision else ''}/{rest}"


def _named(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for *sections, key in _FILES:
        section = found
        for name in sections:
            section = section[name]
        if section.get(key):
            yield section, key
