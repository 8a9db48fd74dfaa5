"""Who may come in: keys of the deployment, and client secrets that are handed out for a while."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec

from s2s.mistakes import ConfigError

SECRET_PREFIX = "ek_"
MOST_SECRETS = 2000
"""Client secrets that may be valid at once; the oldest makes room for one more."""


class KeyRefused(ValueError):
    """A key is missing, wrong or expired; the message says which."""


class Keys:
    """The keys of a deployment; with none, everybody may come in."""

    def __init__(self, keys: list[str]) -> None:
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    @classmethod
    def load(cls, key: str, env: str, file: str | None) -> Keys:
        """Read keys from a variable of the environment, parted by commas, and from a file, one a line.

        Raises ConfigError under the option's `key` where the file can't be read or holds none.
        """
        found = [word.strip() for word in os.environ.get(env, "").split(",") if word.strip()]
        if file is not None:
            try:
                lines = Path(file).expanduser().read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeError) as error:
                raise ConfigError([f"{key}: can't read {file}: {getattr(error, 'strerror', None) or error}"]) from None
            listed = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
            if not listed:
                raise ConfigError([f"{key}: {file} holds no key; write one a line, or leave it null"])
            found += listed
        if any(name.startswith(SECRET_PREFIX) for name in found):
            raise ConfigError(
                [f"{key}: a key may not begin with '{SECRET_PREFIX}', as client secrets do; choose another"]
            )
        return cls(found)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def known(self, key: str) -> bool:
        """Whether a key is one of them; it takes as long whichever is wrong, and wherever."""
        digest = hashlib.sha256(key.encode()).digest()
        matches = [hmac.compare_digest(digest, own) for own in self._digests]
        return any(matches)


class Secret(msgspec.Struct, frozen=True):
    """A client secret: until when it lets clients in, in seconds since the epoch, and their session's settings."""

    value: str
    expires_at: int
    session: dict[str, Any]


class Secrets:
    """Client secrets that were handed out; each opens any number of sessions until it expires."""

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    def mint(self, session: dict[str, Any], seconds: int, now: float) -> Secret:
        """Hand out a new one."""
        self._secrets = {name: one for name, one in self._secrets.items() if one.expires_at > now}
        if len(self._secrets) >= MOST_SECRETS:
            self._secrets.pop(next(iter(self._secrets)))
        made = Secret(SECRET_PREFIX + secrets.token_urlsafe(24), int(now) + seconds, session)
        self._secrets[hashlib.sha256(made.value.encode()).hexdigest()] = made
        return made

    def find(self, value: str, now: float) -> Secret:
        """Return a secret that is valid; raise KeyRefused."""
        found = self._secrets.get(hashlib.sha256(value.encode()).hexdigest())
        if found is None or found.expires_at <= now:
            raise KeyRefused("The client secret is unknown or has expired; ask for a new one.")
        return found


def admit(key: str | None, keys: Keys, minted: Secrets, now: float) -> dict[str, Any] | None:
    """Return the session settings that a client's key brings, None for none; raise KeyRefused when it may not enter."""
    if key is not None and key.startswith(SECRET_PREFIX):
        return minted.find(key, now).session
    if keys and (key is None or not keys.known(key)):
        what = "Incorrect API key provided." if key else "You didn't provide an API key."
        raise KeyRefused(f"{what} Send 'Authorization: Bearer KEY', or the subprotocol 'openai-insecure-api-key.KEY'.")
    return None
