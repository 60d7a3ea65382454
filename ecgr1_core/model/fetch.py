"""Fetches a model from the Hugging Face hub, or a mirror of it: only what is needed, resumable, every file checked.

What was fetched before a break is kept, in the middle of a file too, and the next call goes on from there; the hub's
own `snapshot_download` begins a file anew, which for shards of 5 GB is hours. A directory that is whole has a
SHA256SUMS of what the hub says it holds. The module loads no weights, and knows of ECG-R1 only where it is published
and what its configuration looks like.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # of its HTTP library
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.model.checkpoint import CHECKSUMS
from ecgr1_core.model.config import read_config

PUBLISHER: Final = "PKUDigitalHealth"
WANTED: Final = ("*.safetensors", "*.json", "*.txt", "*.jinja")
_TIMEOUT_S: Final = 20.0
_BLOCK_BYTES: Final = 1 << 22

Progress = Callable[[str, int, int], None]
"""Called with the file that is being checked, the bytes checked so far and the bytes there are."""


@dataclass(frozen=True)
class FetchedModel:
    """What was fetched: where it lies, from which repository and commit, and its size."""

    directory: Path
    repository: str
    commit: str
    files: tuple[str, ...]
    bytes_: int


@dataclass(frozen=True)
class _HubFile:
    name: str
    size: int
    sha256: str | None  # of large files
    blob_id: str  # of small ones: SHA-1 over "blob", the size and the content, as git has it


def repository_of(name: str) -> str:
    """Return the repository that a name means: itself, or one of the publisher's where no owner is named."""
    return name if "/" in name else f"{PUBLISHER}/{name}"


def fetch(
    name: str,
    out: Path,
    *,
    revision: str | None = None,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> FetchedModel:
    """Fetch a model into the directory `out` and check every file against what the hub says of it.

    `name` is `owner/repository`, or a repository of the publisher; `revision` a branch, tag or commit; `endpoint` the
    address of a mirror. Raises InputError, before anything large is fetched, for a name or revision that the hub does
    not know, a model that is not an ECG-R1, too little disk, and a hub that cannot be reached; DamagedFileError for a
    file that differs from its checksum, which is not kept.
    """
    repository = repository_of(name)
    if out.exists() and not out.is_dir():
        raise InputError(out, "is not a directory", "choose another --out")
    with _network_errors_explained(repository, revision, endpoint):
        commit, files = _listing(repository, revision, endpoint)
        config = next((file for file in files if file.name == "config.json"), None)
        if config is None:
            raise InputError(repository, "holds no config.json, so it is not a model", "check the name")
        out.mkdir(parents=True, exist_ok=True)
        checked = _Checked(progress, sum(file.size for file in files))
        sums = {config.name: _get(config, repository, commit, endpoint, out, checked)}
        read_config(out)
        _check_disk(out, files)
        for file in files:
            if file is not config:
                sums[file.name] = _get(file, repository, commit, endpoint, out, checked)
    partial = out / f".{CHECKSUMS}.partial"
    partial.write_text("".join(f"{sums[file.name]}  {file.name}\n" for file in files), encoding="utf-8")
    partial.replace(out / CHECKSUMS)
    return FetchedModel(out, repository, commit, tuple(file.name for file in files), checked.total)


def _listing(repository: str, revision: str | None, endpoint: str | None) -> tuple[str, list[_HubFile]]:
    """Ask the hub which commit a revision is, and what it holds that is wanted."""
    api = HfApi(endpoint=endpoint)
    info = api.model_info(repository, revision=revision, files_metadata=True, timeout=_TIMEOUT_S)
    files = [
        _HubFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None, file.blob_id or "")
        for file in info.siblings or []
        if "/" not in file.rfilename and any(fnmatch(file.rfilename, pattern) for pattern in WANTED)
    ]
    if info.sha is None:
        raise InputError(repository, "the hub does not say which commit it has", "try again later")
    return info.sha, sorted(files, key=lambda file: file.name)


def _check_disk(out: Path, files: list[_HubFile]) -> None:
    there = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    need, free = sum(file.size for file in files) - there, shutil.disk_usage(out).free
    if need > free:
        raise InputError(
            out,
            f"{need / 1e9:.1f} GB more are needed on its disk, and {free / 1e9:.1f} GB are free",
            "choose another --out",
        )


class _Checked:
    """Counts what has been compared with its checksum and tells who wants to know."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def sha256(self, path: Path, file: _HubFile) -> str | None:
        """Return the SHA-256 of a file that is what the hub says it is, None of one that is not."""
        sha256, blob = hashlib.sha256(), hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
        before = self.done
        with path.open("rb") as content:
            while block := content.read(_BLOCK_BYTES):
                sha256.update(block)
                if file.sha256 is None:
                    blob.update(block)
                self.done += len(block)
                if self.progress is not None:
                    self.progress(file.name, self.done, self.total)
        expected, found = (file.blob_id, blob) if file.sha256 is None else (file.sha256, sha256)
        if found.hexdigest() == expected:
            return sha256.hexdigest()
        self.done = before
        return None


def _get(file: _HubFile, repository: str, commit: str, endpoint: str | None, out: Path, checked: _Checked) -> str:
    """Fetch a file, unless it is there already, and return its SHA-256; it gets its name only when it was checked."""
    path = out / file.name
    if path.is_file() and path.stat().st_size == file.size:
        digest = checked.sha256(path, file)
        if digest is not None:
            return digest
    partial = out / f".{file.name}.{(file.sha256 or file.blob_id)[:12]}.partial"
    if partial.is_file() and partial.stat().st_size > file.size:
        partial.unlink()
    with partial.open("ab") as content:
        http_get(
            hf_hub_url(repository, file.name, revision=commit, endpoint=endpoint),
            content,
            resume_size=content.tell(),
            headers=build_hf_headers(),
            expected_size=file.size,
            displayed_filename=file.name,
        )
    digest = checked.sha256(partial, file)
    if digest is None:
        partial.unlink()
        raise DamagedFileError(
            path, "what came differs from the checksum that the hub gives for it", "fetch the model again"
        )
    partial.replace(path)
    return digest


@contextmanager
def _network_errors_explained(repository: str, revision: str | None, endpoint: str | None) -> Iterator[None]:
    """Turn what the hub's library raises into one sentence each."""
    hub = endpoint or "huggingface.co"
    try:
        yield
    except InputError:
        raise
    except HFValidationError as error:
        raise InputError(repository, "is not the name of a repository", "give owner/name") from error
    except GatedRepoError as error:
        raise InputError(
            repository,
            "is only given to those who have accepted its terms",
            f"accept them on {hub}, then set HF_TOKEN to your access token",
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(
            repository, f"has no revision {revision!r}", "leave --revision out, or name a branch, tag or commit"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            repository,
            f"{hub} has no such model, or it is private",
            f"check the name (published are {PUBLISHER}/ECG-R1-8B-RL and -SFT), or set HF_TOKEN for a private one",
        ) from error
    except HfHubHTTPError as error:
        raise InputError(
            repository, f"{hub} answered with status {error.response.status_code}", "try again later"
        ) from error
    except OSError as error:
        if error.errno is not None and error.filename is not None:  # a file of ours, not the network
            raise InputError(repository, f"cannot be written ({error.strerror})", "choose another --out") from error
        raise _unreachable(repository, hub) from error
    except TransportError as error:
        raise _unreachable(repository, hub) from error


def _unreachable(repository: str, hub: str) -> InputError:
    return InputError(
        repository,
        f"{hub} cannot be reached, or the connection broke",
        "check the network and give the command again: what was fetched is kept",
    )
