"""Writes the files of an export into a folder that is new, and a manifest with the hash of each and of all together.

It knows nothing of studies; what is in the files is up to `export` and `feedback`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotations import audit
from ecgr1_core.errors import InputError

Row = Mapping[str, Any]


class ExportFolder:
    """A folder that is being filled; `finish` writes the manifest. `InputError` where the folder is not empty."""

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise InputError(path, "the folder is not empty", "give a new one; exports are never overwritten")
        except OSError as error:
            raise InputError(path, f"it cannot be written to ({error.strerror})", "give another folder") from error
        self.path = path

    def text(self, name: str, text: str) -> None:
        """Write a text file in UTF-8."""
        self.place(name).write_text(text, encoding="utf-8")

    def json_lines(self, name: str, rows: Iterable[Row]) -> None:
        """Write one JSON object a line."""
        lines = [json.dumps(dict(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        self.text(name, "".join(lines))

    def table(self, name: str, rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> None:
        """Write NAME.csv and NAME.parquet with the columns (name, type), types "text", "number", "integer", "boolean".

        Unknown is empty in CSV and null in Parquet.
        """
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
        schema = pa.schema([(column, types[kind]) for column, kind in columns])
        plain = [{column: row.get(column) for column, _ in columns} for row in rows]
        table = pa.Table.from_pylist(plain, schema=schema)
        pq.write_table(table, self.place(f"{name}.parquet"))
        frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
        frame.to_csv(self.place(f"{name}.csv"), index=False, lineterminator="\n")

    def place(self, name: str) -> Path:
        """Return the path of a file of the export; its folder is made."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finish(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Write manifest.json with what is told, every file's SHA-256, and one over all of them; return it."""
        files = {
            path.relative_to(self.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }
        manifest = {**told, "files": files, "content_sha256": audit.sha256(audit.canonical(files))}
        self.text("manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
        return manifest
