"""What Hydra objects to in a command line, in our words."""

from __future__ import annotations

import re

from s2s.mistakes import near


def objection(error: BaseException) -> str:
    """Return what is wrong, and what was probably meant; without the folders that Hydra searched."""
    text = str(error)
    if "hydra_joblib_launcher" in text:
        return "hydra/launcher: 'isolated' needs the package 'hydra_joblib_launcher': pip install 's2s[bench]'"
    if unknown := _unknown(error):
        return unknown
    texts = [text]
    if error.__cause__ is not None and str(error.__cause__) not in text:
        texts.append(str(error.__cause__))
    return "\n".join(each.partition("\nConfig search path:")[0].strip() for each in texts)


def _unknown(error: BaseException) -> str:
    """Return which option of a group there is not, where that is the matter."""
    from hydra.core.config_store import ConfigStore
    from hydra.errors import MissingConfigException

    if not isinstance(error, MissingConfigException) or "/" not in (error.missing_cfg_file or ""):
        return ""
    group, _, option = str(error.missing_cfg_file).removesuffix(".yaml").rpartition("/")
    options = error.options or ConfigStore.instance().list(group)
    asking = re.match(r"In '(.+?)': ", str(error))
    where = "" if asking is None or asking[1] == "config" else f"{asking[1]}: "
    return f"{where}{group}={option}: no such option{near(option, (name.removesuffix('.yaml') for name in options))}"
