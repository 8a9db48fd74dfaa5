"""A model hub on loopback that speaks as much of the protocol as `huggingface_hub` needs to fetch files."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"
"""The commit that `main` is."""
PIN = re.compile("[0-9a-f]{40}")
"""A commit: any is there, with the same files."""


class Hub(http.server.ThreadingHTTPServer):
    """Repositories of files by name, as `{"owner/name": {"path": bytes}}`; those in `gated` want a token."""

    daemon_threads = True

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]], gated: frozenset[str] = frozenset()) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories = repositories
        self.gated = gated
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def serving(repositories: Mapping[str, Mapping[str, bytes]], gated: frozenset[str] = frozenset()) -> Iterator[Hub]:
    """Serve repositories until the block ends."""
    hub = Hub(repositories, gated)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append(path)
        api = path.startswith("api/models/")
        owner, name, *rest = path.removeprefix("api/models/").split("/")
        files = self.server.repositories.get(f"{owner}/{name}")
        revision = rest[1] if len(rest) > 1 else "main"
        self.commit = revision if PIN.fullmatch(revision) else REVISION
        if files is None:
            self._refuse(404, "RepoNotFound", "no such repository")
        elif f"{owner}/{name}" in self.server.gated:
            self._refuse(403, "GatedRepo", "you have to accept its conditions")
        elif revision != "main" and not PIN.fullmatch(revision):
            self._refuse(404, "RevisionNotFound", "no such revision")
        elif api and rest[:1] == ["tree"]:
            entries = [
                {"type": "file", "path": at, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for at, data in files.items()
            ]
            self._say(json.dumps(entries).encode(), "application/json")
        elif api:
            siblings = [{"rfilename": at} for at in files]
            told = {"_id": "1", "id": f"{owner}/{name}", "sha": self.commit, "siblings": siblings}
            self._say(json.dumps(told).encode(), "application/json")
        elif (data := files.get("/".join(rest[2:]))) is not None:
            self._say(data, "application/octet-stream")
        else:
            self._refuse(404, "EntryNotFound", "no such file")

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._say(b"", "text/plain", status, {"X-Error-Code": code, "X-Error-Message": message})

    def _say(self, data: bytes, kind: str, status: int = 200, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        etag = f'"{hashlib.sha1(data).hexdigest()}"'
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), "ETag": etag, "X-Repo-Commit": self.commit}
        for name, value in {**headers, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)
