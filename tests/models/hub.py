"""A model hub on loopback.

As much of the real one's interface as huggingface_hub uses to fetch a repository, and the troubles
that networks have.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000
"""Bytes from which on a file is told with its sha256.

As the hub does for what it keeps in LFS.
"""


@dataclass
class Hub:
    """Serves the files of a folder as one repository.

    cut: close the connection after that many bytes of each large file, once. silent: accept, and
    say nothing. slow: seconds between pieces of 4 kB. wrong: send other bytes of the right length.
    status: answer everything with this status. gated: as for a licence that was not agreed to.
    """

    folder: Path
    repository: str
    cut: int = 0
    silent: bool = False
    slow: float = 0.0
    wrong: bool = False
    status: int = 0
    gated: bool = False
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Method, path, range and authorization of each request."""
    was_cut: set[str] = field(default_factory=set)
    url: str = ""

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    @contextmanager
    def running(self) -> Iterator[Hub]:
        """Until the end of the block; `url` says where."""
        hub = self

        class Handler(_Handler):
            state = hub

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, path = self.state, self.path.partition("?")[0]
        given = (self.headers.get(name, "") for name in ("Range", "Authorization"))
        hub.asked.append((self.command, path, *given))  # type: ignore[arg-type]
        if hub.silent:
            time.sleep(60)
            return
        if hub.status:
            return self.send(b"{}", {}, hub.status)
        if hub.gated:
            return self.send(b"{}", {"X-Error-Code": "GatedRepo"}, 403)
        files = hub.files()
        if re.fullmatch(rf"/api/models/{hub.repository}(/revision/[^/]+)?", path):
            return self.send(json.dumps(self.described(files)).encode(), {})
        match = re.fullmatch(rf"/{hub.repository}/resolve/([^/]+)/(.+)", path)
        if match is None or match[2] not in files:
            return self.send(b"{}", {"X-Error-Code": "EntryNotFound"}, 404)
        self.file(match[2], files[match[2]])

    def described(self, files: dict[str, bytes]) -> dict[str, Any]:
        siblings = []
        for name, data in files.items():
            sha = hashlib.sha256(data).hexdigest()
            lfs = {"sha256": sha, "size": len(data), "pointerSize": 130}
            one = {"rfilename": name, "size": len(data), "blobId": sha[:40]}
            siblings.append(one | ({"lfs": lfs} if len(data) > LARGE else {}))
        of = self.state.repository
        return {
            "id": of,
            "modelId": of,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "siblings": siblings,
        }

    def file(self, name: str, data: bytes) -> None:
        hub, sha, start = self.state, hashlib.sha256(data).hexdigest(), 0
        headers = {"ETag": f'"{sha}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if len(data) > LARGE:
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{sha}"'}
        if match := re.match(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(match[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if hub.wrong and len(data) > LARGE:
            body = bytes(len(body))
        self.send(body, headers, 206 if start else 200, name)

    def send(self, body: bytes, headers: dict[str, str], status: int = 200, name: str = "") -> None:
        hub = self.state
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if hub.cut and len(body) > LARGE and name not in hub.was_cut:
            hub.was_cut.add(name)
            self.wfile.write(body[: hub.cut])
            self.wfile.flush()
            self.close_connection = True
            return
        if not hub.slow:
            self.wfile.write(body)
            return
        for place in range(0, len(body), 4096):
            self.wfile.write(body[place : place + 4096])
            self.wfile.flush()
            time.sleep(hub.slow)
