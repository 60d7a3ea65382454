"""`Bundle`: the files of one recording by their names, wherever they lie, and a zip unpacked to a folder of its own.

A folder is its files, without those of folders in it. It knows no format. It refuses what must not be opened: devices,
files over the limit, zip members that point outside, archives in archives.
"""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ecgr1_core.errors import DamagedFileError, InputError, UnknownFormatError, UnsuitableRecordingError
from ecgr1_core.formats.options import ReadOptions

HEAD_BYTES = 65_536
MAX_FILES = 2_000
_MIB = 1024 * 1024
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Bundle:
    """Files by name; `beside` is the folder where partners that were not given may be found; `title` for messages."""

    files: Mapping[str, Path]
    title: str
    max_file_mb: int
    beside: Path | None = None
    is_collection: bool = False  # a zip or a folder, in which other files are no news

    def find(self, name: str) -> Path | None:
        """Return the path of the file called `name` (a bare name; case decides only between several), or None.

        Raises `UnsuitableRecordingError` for a file over the limit.
        """
        path = self.files.get(name)
        if path is None:
            path = next((self.files[own] for own in self.files if own.casefold() == name.casefold()), None)
        if path is None and self.beside is not None and (self.beside / name).is_file():
            path = self.beside / name
        if path is not None:
            check_file(path, self.max_file_mb)
        return path

    def path_of(self, name: str, max_file_mb: int | None = None) -> Path:
        """Return the path of a file that `find` finds, of at most so many MiB where a format bears less; else KeyError.

        Raises `UnsuitableRecordingError` for a file over a limit.
        """
        path = self.find(name)
        if path is None:
            raise KeyError(name)
        if max_file_mb is not None:
            check_file(path, max_file_mb)
        return path

    def head(self, name: str) -> bytes:
        """Return the first bytes, at most `HEAD_BYTES`, of a file that `find` finds; KeyError for another."""
        return read_bytes(self.path_of(name), HEAD_BYTES)

    def neighbours(self, suffix: str) -> tuple[str, ...]:
        """Return the names with `suffix` (any case) among the files and beside them, sorted."""
        names = set(self.files)
        if self.beside is not None:
            names.update(path.name for path in self.beside.iterdir())
        return tuple(sorted(name for name in names if name.casefold().endswith(suffix)))


@contextlib.contextmanager
def open_bundle(paths: Sequence[Path], options: ReadOptions) -> Iterator[Bundle]:
    """Give the bundle of the paths: one file, several, one folder, one zip (unpacked as long as the context lasts).

    A path that does not exist but does with ".hea" is that WFDB record. Raises `InputError` for paths that cannot be
    opened.
    """
    if not paths:
        raise InputError("input", "no file was given", "give the files of one recording")
    paths = [_existing(path) for path in paths]
    title = paths[0].name
    is_folder = len(paths) == 1 and _is_folder(paths[0])
    if is_folder:
        paths = _files_in(paths[0])
    for path in paths:
        check_file(path, options.max_file_mb)
    zips = [path for path in paths if read_bytes(path, 4) in _ZIP_SIGNATURES]
    if zips and len(paths) > 1:
        raise InputError(zips[0], "a zip was given together with other files", "give the zip alone, or the files alone")
    if zips:
        with tempfile.TemporaryDirectory(prefix="ecgr1-") as folder:
            unpacked = _unpack(zips[0], Path(folder), options)
            yield Bundle(unpacked, zips[0].name, max_file_mb=options.max_file_mb, is_collection=True)
        return
    files: dict[str, Path] = {}
    for path in paths:
        if path.name in files and files[path.name].resolve() != path.resolve():
            raise InputError(path, "two different files of this name were given", "give the files of one recording")
        files[path.name] = path
    beside = paths[0].parent if len(paths) == 1 and not is_folder else None
    yield Bundle(files, title, max_file_mb=options.max_file_mb, beside=beside, is_collection=is_folder)


def check_file(path: Path, max_file_mb: int) -> None:
    """Raise `InputError` where `path` is no readable, non-empty, regular file of at most `max_file_mb` MiB."""
    try:
        if path.is_dir():
            raise InputError(path, "it is a folder", "give the files of one recording")
        if not path.exists():
            raise InputError(path, "there is no such file", "check the path")
        if not path.is_file():
            raise InputError(path, "it is not a regular file", "give a file")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise InputError(
            path, f"it cannot be opened ({_reason(error)})", "check the path and its permissions"
        ) from error
    if size == 0:
        raise DamagedFileError(path, "the file is empty (0 bytes)", "export or upload it again")
    if size > max_file_mb * _MIB:
        raise UnsuitableRecordingError(
            path,
            f"the file is {size / _MIB / 1024:.1f} GiB, over the limit of {max_file_mb} MiB",
            "cut out the part to read",
        )


def read_bytes(path: Path, count: int = -1) -> bytes:
    """Return the first `count` bytes of a file (-1: all of it); `InputError` where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise InputError(path, f"it cannot be read ({_reason(error)})", "check its permissions") from error


def _existing(path: Path) -> Path:
    try:
        header = path.with_name(path.name + ".hea") if path.name else path
        return header if not path.exists() and header.is_file() else path
    except (OSError, ValueError) as error:
        raise InputError(path, f"it cannot be opened ({_reason(error)})", "check the path") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False  # `check_file` says why


def _files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that are not hidden or empty, by name."""
    try:
        found = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
        files = [each for each in found if each.stat().st_size]
    except OSError as error:
        raise InputError(folder, f"it cannot be opened ({_reason(error)})", "check its permissions") from error
    if not files:
        raise InputError(folder, "the folder holds no files", "give the folder that holds the files of one recording")
    if len(files) > MAX_FILES:
        raise InputError(folder, f"it holds {len(files)} files", "give a folder with the files of one recording")
    return files


def _unpack(archive: Path, folder: Path, options: ReadOptions) -> dict[str, Path]:
    files: dict[str, Path] = {}
    left = options.max_file_mb * _MIB
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if _is_wanted(archive, info)]
            if any(info.filename == "[Content_Types].xml" for info in members):
                raise UnknownFormatError(archive, "it is an Office document, not a recording", "save the table as CSV")
            if len(members) > MAX_FILES:
                raise InputError(archive, f"it holds {len(members)} files", "zip the files of one recording")
            for number, info in enumerate(members):
                name = PurePosixPath(info.filename).name
                if name in files:
                    raise InputError(archive, f"it holds two files called {name}", "zip the files of one recording")
                if info.flag_bits & 1:
                    raise InputError(archive, "it is protected by a password", "zip the files without one")
                target = folder / str(number)
                with opened.open(info) as source, target.open("wb") as sink:
                    while chunk := source.read(_MIB):
                        left -= len(chunk)
                        if left < 0:
                            raise UnsuitableRecordingError(
                                archive,
                                f"it expands to more than {options.max_file_mb} MiB",
                                "zip only the files of one recording",
                            )
                        sink.write(chunk)
                if read_bytes(target, 4) in _ZIP_SIGNATURES:
                    raise InputError(archive, f"it holds another zip ({name})", "unpack it and give the inner one")
                if target.stat().st_size == 0:
                    target.unlink()
                    continue
                files[name] = target
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, zlib.error) as error:
        raise DamagedFileError(archive, "the zip cannot be unpacked: it is damaged", "zip the files again") from error
    if not files:
        raise InputError(archive, "the zip holds no files", "zip the files of one recording")
    return files


def _is_wanted(archive: Path, info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise InputError(
            archive, f"the member {info.filename!r} points outside the zip", "zip the files again, without paths"
        )
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not info.is_dir() and not hidden


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
