"""Python functions that the language model calls and the deployment runs."""

from __future__ import annotations

from dataclasses import dataclass

from s2s.text.toolbox import Toolbox


@dataclass(kw_only=True)
class Tools(Toolbox):
    """The functions that `functions` names, as `package.module.function` or `path/to/file.py:function`."""
