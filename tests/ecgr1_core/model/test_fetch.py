"""Fetching a model, from a server on this machine that answers as the hub does and can break off or lie."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.model.checkpoint import verify_checksums
from ecgr1_core.model.fetch import fetch, repository_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "PKUDigitalHealth/tiny"


@dataclass
class Hub:
    """What the server offers, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    address: str = ""
    break_after: dict[str, int] = field(default_factory=dict)  # bytes of a file that are sent at each request
    lies: set[str] = field(default_factory=set)  # files whose content differs from their checksum
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, file, Range


class Handler(BaseHTTPRequestHandler):
    """Answers what a model holds, and its files, byte ranges included."""

    protocol_version = "HTTP/1.1"

    def __init__(self, hub: Hub, *args: object) -> None:
        self.hub = hub
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith(f"/api/models/{REPOSITORY}"):
            rest = path.removeprefix(f"/api/models/{REPOSITORY}").strip("/")
            if rest in ("", "revision/main", f"revision/{COMMIT}"):
                siblings = [self._entry(name) for name in self.hub.files]
                return self._json({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings})
            return self._refuse(404, "RevisionNotFound")
        if path.startswith(f"/{REPOSITORY}/resolve/{COMMIT}/"):
            return self._file(path.removeprefix(f"/{REPOSITORY}/resolve/{COMMIT}/"))
        return self._refuse(401, "RepoNotFound")

    def _entry(self, name: str) -> dict[str, object]:
        content = self.hub.files[name]
        entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": blob(content)}
        if name.endswith(".safetensors"):
            digest = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 134}
        return entry

    def _json(self, data: object) -> None:
        self._send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": "no"})

    def _file(self, name: str) -> None:
        if name not in self.hub.files:
            return self._refuse(404, "EntryNotFound")
        content = self.hub.files[name]
        large = name.endswith(".safetensors")
        etag = hashlib.sha256(content).hexdigest() if large else blob(content)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if name in self.hub.lies:
            content = content[:-1] + bytes([content[-1] ^ 1])
        wanted = self.headers.get("Range")
        self.hub.asked.append((self.command, name, wanted))
        if wanted is None:
            return self._send(200, content, headers, name)
        start = int(wanted.removeprefix("bytes=").split("-")[0])
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206, content[start:], headers, name)

    def _send(self, status: int, body: bytes, headers: dict[str, str], name: str = "") -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = self.hub.break_after.get(name, len(body))
        self.wfile.write(body[:limit])
        if limit < len(body):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


def blob(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@pytest.fixture
def hub(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()}
    hub = Hub({**files, "README.md": b"# not wanted", "training_args.bin": b"not wanted either"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)  # what is written at a time: 10 MB
    yield hub
    server.shutdown()
    server.server_close()


def gets(hub: Hub) -> list[tuple[str, str | None]]:
    return [(name, wanted) for method, name, wanted in hub.asked if method == "GET"]


def test_a_model_is_fetched_whole_and_checked(hub: Hub, tmp_path: Path, tiny_checkpoint: Path) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "model"
    fetched = fetch("tiny", out, endpoint=hub.address, progress=lambda name, done, total: told.append((done, total)))
    wanted = {path.name for path in tiny_checkpoint.iterdir()}
    assert set(fetched.files) == wanted == {path.name for path in out.iterdir() if path.is_file()} - {"SHA256SUMS"}
    assert all((out / name).read_bytes() == hub.files[name] for name in wanted)
    assert (fetched.repository, fetched.commit) == (REPOSITORY, COMMIT)
    assert told[-1] == (fetched.bytes_, fetched.bytes_) == (sum(len(hub.files[n]) for n in wanted),) * 2
    assert verify_checksums(out)
    before = len(gets(hub))
    fetch(REPOSITORY, out, endpoint=hub.address)
    assert len(gets(hub)) == before, "what is there is not fetched again"
    shard = next(path for path in sorted(out.glob("*.safetensors")))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    fetch(REPOSITORY, out, endpoint=hub.address)
    assert gets(hub)[before:] == [(shard.name, None)], "what is altered is fetched anew"
    assert verify_checksums(out)
    assert not list(out.glob(".*.partial"))


def test_a_broken_download_goes_on_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    shard = max((name for name in hub.files if name.endswith(".safetensors")), key=lambda name: len(hub.files[name]))
    first_part = len(hub.files[shard]) // 3 // 4096 * 4096
    calls = 0

    class Once(dict[str, int]):
        """Breaks the first request after a third, and every later one at once."""

        def get(self, name: str, default: int) -> int:  # type: ignore[override]
            nonlocal calls
            if name != shard:
                return default
            calls += 1
            return first_part if calls == 1 else 0

    hub.break_after = Once()
    out = tmp_path / "model"
    with pytest.raises(InputError, match=r"the connection broke; .*what was fetched is kept"):
        fetch("tiny", out, endpoint=hub.address)
    assert not (out / shard).exists()
    assert not (out / "SHA256SUMS").exists()
    asked = len(gets(hub))
    hub.break_after = {}
    fetch("tiny", out, endpoint=hub.address)
    assert (out / shard).read_bytes() == hub.files[shard]
    assert (shard, f"bytes={first_part}-") in gets(hub)[asked:]


def test_a_file_that_differs_from_its_checksum_is_removed(hub: Hub, tmp_path: Path) -> None:
    for name in ("generation_config.json", next(n for n in sorted(hub.files) if n.endswith(".safetensors"))):
        hub.lies = {name}
        out = tmp_path / name
        with pytest.raises(DamagedFileError, match=rf"{name}: what came differs from the checksum"):
            fetch("tiny", out, endpoint=hub.address)
        assert not (out / name).exists()
        hub.lies = set()
        fetch("tiny", out, endpoint=hub.address)
        assert (out / name).read_bytes() == hub.files[name]


def test_an_unknown_name_or_revision_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^PKUDigitalHealth/ECG-R9: .* has no such model, or it is private; .*\.$"):
        fetch("ECG-R9", tmp_path / "a", endpoint=hub.address)
    with pytest.raises(InputError, match=r"^PKUDigitalHealth/tiny: has no revision 'v9'; .*\.$"):
        fetch("tiny", tmp_path / "b", revision="v9", endpoint=hub.address)
    with pytest.raises(InputError, match="is not the name of a repository"):
        fetch("a/b/c", tmp_path / "c", endpoint=hub.address)
    assert list(tmp_path.iterdir()) == []


def test_without_network_it_says_so(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(InputError, match="cannot be reached"):
        fetch("tiny", tmp_path / "model", endpoint=f"http://127.0.0.1:{port}")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be reached"):  # a directory that is there is not taken for the model
        fetch("tiny", tmp_path / "old", endpoint=f"http://127.0.0.1:{port}")


def test_what_cannot_work_is_refused_before_the_weights_are_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads(hub.files["config.json"])
    hub.files["config.json"] = json.dumps({k: v for k, v in config.items() if not k.startswith("ecg_")}).encode()
    with pytest.raises(InputError, match="stock Qwen3-VL"):
        fetch("tiny", tmp_path / "stock", endpoint=hub.address)
    hub.files["config.json"] = json.dumps(config).encode()
    monkeypatch.setattr("ecgr1_core.model.fetch.shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(InputError, match="are needed on its disk"):
        fetch("tiny", tmp_path / "full", endpoint=hub.address)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a directory"):
        fetch("tiny", tmp_path / "file", endpoint=hub.address)
    assert {name for name, _ in gets(hub)} <= {"config.json"}


def test_a_name_without_owner_is_the_publishers() -> None:
    assert repository_of("ECG-R1-8B-RL") == "PKUDigitalHealth/ECG-R1-8B-RL"
    assert repository_of("someone/model") == "someone/model"
