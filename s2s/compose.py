"""The words of a command line, made ready for Hydra: recipes are registered, and may be named by path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from s2s.mistakes import ConfigError, sentence
from s2s.paths import CONF, RECIPES

_TAKES_A_VALUE = {"--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "--package", "-p"}
_TAKES_A_VALUE |= {"--cfg", "-c", "--info", "-i"}


def compose(*argv: str) -> Any:
    """Return the config that a command line composes, without running anything; of flags it may have --config-dir."""
    import hydra

    folders = ",".join(f"file://{Path(folder).resolve()}" for folder in _config_dirs(argv))
    overrides = [word for word in words(argv) if word[0] == "~" or ("=" in word and word[0] != "-")]
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return hydra.compose("config", overrides=[*overrides, *([f"hydra.searchpath=[{folders}]"] if folders else [])])


def words(argv: Sequence[str]) -> list[str]:
    """Return the command line as Hydra reads it; raises `ConfigError` for a recipe that can't be read.

    `recipe=NAME` and paths of recipes, anywhere, become one `recipe=[...]` in their order. A `key.path=value` may
    name a key that no YAML has: `build` knows all keys, and says which one was meant.
    """
    from hydra.core.config_store import ConfigStore

    # Hydra copies the store for each group that --help lists, half a second in all, though loading copies anyway
    setattr(ConfigStore, "__deepcopy__", lambda store, memo: store)  # noqa: B010
    folders = [Path(folder) for folder in _config_dirs(argv)]
    for recipes in (RECIPES, *(folder / "recipes" for folder in folders)):
        for path in sorted(recipes.glob("*.yaml")):
            _register(path.stem, path)
    if {"-sc", "--shell-completion"} & set(argv):
        return list(argv)
    flags: list[str] = []
    overrides: list[str] = []
    choices: list[list[str]] = [[]]
    named, before = False, ""
    for word in map(_in_full, argv):
        is_value = before in _TAKES_A_VALUE and not (before in ("--info", "-i") and "=" in word)
        before = "" if is_value else word
        if is_value or word.startswith("-"):
            flags.append(word)
        elif word.startswith("recipe=") or ("=" not in word and word.endswith((".yaml", ".yml"))):
            named = True
            added = [[_name(name, folders) for name in names] for names in _choices(word.removeprefix("recipe="))]
            choices = [names + more for names in choices for more in added]
        elif "=" not in word and not word.startswith("~"):
            raise ConfigError([f"{word}: write GROUP=OPTION, KEY.PATH=VALUE, or the path of a recipe"])
        else:
            overrides.append(f"++{word}" if _is_value(word.partition("=")[0], folders) else _as_listed(word, folders))
    if named:
        overrides.append("recipe=" + ",".join(f"[{','.join(names)}]" if names else "null" for names in choices))
    return overrides + flags  # in this order, as argparse takes words between flags for strangers


def _in_full(word: str) -> str:
    """Return `mode.bench.callers=8` for `bench.callers=8`: what begins with a mode's name is the mode's."""
    mark, key, rest = re.match(r"(\+*|~)([A-Za-z_]\w*)?(.*)", word, re.S).groups()  # type: ignore[union-attr]
    return f"{mark}mode.{key}{rest}" if rest[:1] == "." and key and (CONF / "mode" / f"{key}.yaml").is_file() else word


def _config_dirs(argv: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(argv):
        if word in ("--config-dir", "-cd"):
            yield from argv[place + 1 : place + 2]
        elif word.startswith("--config-dir="):
            yield word.partition("=")[2]


def _choices(value: str) -> list[list[str]]:
    """Return the alternatives of `a,b` (a sweep), each a list of names; `[a,b]` is one alternative."""
    found = re.findall(r"\[[^\]]*\]|[^,\[\]]+", value)
    return [[n.strip() for n in part.strip("[]").split(",") if n.strip() not in ("", "null")] for part in found] or [[]]


def _is_value(key: str, folders: Sequence[Path]) -> bool:
    """Say whether `key` is a value's and not a group's, Hydra's own, or marked already with `+`, `++` or `~`."""
    if re.fullmatch(r"[A-Za-z_]\w*", key):
        return not any((folder / key).is_dir() for folder in (CONF, *folders))
    return re.fullmatch(r"(?!hydra\.)[A-Za-z_][\w-]*(\.[\w@-]+)+", key) is not None


def _as_listed(word: str, folders: Sequence[Path]) -> str:
    """Return `tts=chattts` for `tts=chatTTS`: an option is known by its letters, whatever their case and hyphens."""
    key, _, value = word.partition("=")
    group = key.lstrip("+~").partition("@")[0]
    known = {_letters(path.stem): path.stem for folder in (CONF, *folders) for path in (folder / group).glob("*.yaml")}
    return f"{key}={re.sub(r'[A-Za-z][A-Za-z0-9_-]*', lambda m: known.get(_letters(m[0]), m[0]), value)}"


def _letters(name: str) -> str:
    return re.sub("[-_]", "", name).lower()


def _name(name: str, folders: Sequence[Path]) -> str:
    """Return the option of the group `recipe` that stands for a name or a path."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
    else:
        here = [folder / "recipe" / f"{name}.yaml" for folder in folders]
        found = next((path for path in here if path.is_file()), None)
        if found is None:
            return name
        path = found
    option = re.sub(r"\W+", "-", str(path), flags=re.ASCII).strip("-")
    _register(option, path)
    return option


def _register(name: str, path: Path) -> None:
    """Make a recipe an option of the group `recipe`; what it says itself wins over what it brings in."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import DictConfig, ListConfig, OmegaConf

    try:
        node = OmegaConf.load(path)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such recipe"]) from None
    except Exception as error:
        raise ConfigError([f"{path}: {sentence(' '.join(str(error).split()))}"]) from error
    if not isinstance(node, DictConfig):
        raise ConfigError([f"{path}: a recipe is a mapping of keys, such as 'sessions: 8'"])
    defaults = node.get("defaults")
    if isinstance(defaults, ListConfig):
        own = [] if "_self_" in defaults else ["_self_"]
        # Hydra wants the overrides of its defaults last, where people write them first
        node["defaults"] = sorted([*defaults, *own], key=lambda entry: str(entry).startswith("{'override "))
    ConfigStore.instance().store(group="recipe", name=name, node=node, package="_global_", provider=str(path))
