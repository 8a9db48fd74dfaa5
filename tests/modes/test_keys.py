"""Keys and certificates as a deployment sets them: what is wrong is told before any model loads."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from s2s.mistakes import ConfigError
from s2s.modes.handshake import beyond_loopback
from s2s.modes.keys import MOST_SECRETS, KeyRefused, Keys, Secrets, admit
from s2s.modes.realtime import Realtime
from s2s.tls import Certificate, self_signed


def bound(**options: object) -> Realtime:
    """A mode that has taken its port, and left it again."""
    mode = Realtime(port=0, **options)  # type: ignore[arg-type]
    mode.bind("mode.realtime")
    mode._listener.close()
    return mode


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, r"^mode\.realtime\.keys_file: can't read .*keys\.txt: No such file or directory$"),
        ("# none\n\n", r"^mode\.realtime\.keys_file: .*keys\.txt holds no key; write one a line, or leave it null$"),
    ],
)
def test_a_file_without_keys_is_a_mistake(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "keys.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        bound(keys_file=str(path))


def test_keys_of_both_places_are_known_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("one\n  two  \n# three\n")
    monkeypatch.setenv("KEYS", "four,, five ")
    keys = Keys.load("k", "KEYS", str(path))
    assert [name for name in ("one", "two", "# three", "three", "four", "five", "", "one\n") if keys.known(name)] == [
        *("one", "two", "four", "five")
    ]


def test_a_port_that_others_reach_without_a_key_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(host="127.0.0.1")
    assert not caplog.text
    bound(host="0.0.0.0")
    assert "mode.realtime.host: other machines can reach 0.0.0.0, and nobody is asked for a key" in caplog.text
    assert "set S2S_API_KEYS or mode.realtime.keys_file" in caplog.text
    caplog.clear()
    monkeypatch.setenv("S2S_API_KEYS", "x")
    bound(host="0.0.0.0")
    assert not caplog.text


@pytest.mark.parametrize(
    ("host", "beyond"), [("127.0.0.2", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True)]
)
def test_which_addresses_others_reach(host: str, beyond: bool) -> None:
    assert beyond_loopback(host) == beyond


def test_secrets_are_bounded_and_forgotten() -> None:
    minted = Secrets()
    first = minted.mint({"type": "realtime"}, 600, 0.0)
    assert minted.find(first.value, 599.0) == first
    for _ in range(MOST_SECRETS):
        minted.mint({}, 600, 1.0)
    assert len(minted._secrets) == MOST_SECRETS
    with pytest.raises(KeyRefused, match="expired"):
        minted.find(first.value, 1.0)
    minted.mint({}, 10, 700.0)
    assert len(minted._secrets) == 1, "what has expired is forgotten"


def test_an_unknown_secret_is_refused_even_where_nobody_needs_a_key() -> None:
    assert admit("anything", Keys([]), Secrets(), 0.0) is None
    with pytest.raises(KeyRefused):
        admit("ek_gone", Keys([]), Secrets(), 0.0)


def test_a_certificate_is_made_once_and_again_when_it_does_not_fit(tmp_path: Path) -> None:
    made = self_signed("127.0.0.1", tmp_path)
    before = Path(made.cert).read_bytes()
    assert Path(self_signed("127.0.0.1", tmp_path).cert).read_bytes() == before
    assert Path(self_signed("192.0.2.7", tmp_path).cert).read_bytes() != before, "another name"
    context = ssl.create_default_context(cafile=made.cert)
    assert context.cert_store_stats()["x509"] == 1


def test_a_certificate_that_does_not_work_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^mode\.realtime\.tls\.cert: there is no file nowhere\.pem$"):
        bound(tls=Certificate(cert="nowhere.pem", key="nowhere.pem"))
    with pytest.raises(ConfigError, match=r"^mode\.realtime\.tls\.key: needs the path of a PEM file$"):
        bound(tls=Certificate(cert=__file__))
    one, other = (self_signed("127.0.0.1", tmp_path / name) for name in ("one", "other"))
    with pytest.raises(ConfigError, match=r"^mode\.realtime\.tls: .*cert\.pem and .*key\.pem don't work as a pair: "):
        bound(tls=Certificate(cert=one.cert, key=other.key))
