"""All settings of the program: one class, read from `ECGR1_*` environment variables or a `.env` file.

No other module reads the environment; what a stage needs is passed to it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings with their defaults; each can be set by `ECGR1_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ECGR1_", env_file=".env", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address the app listens on; other machines reach it only if changed.")
    port: int = Field(7860, ge=1, le=65535, description="Port the app listens on.")
    data_dir: Path = Field(
        Path("var"), description="Folder for what the program keeps: uploads while they are read, fetched examples."
    )
    max_upload_mb: int = Field(100, ge=1, description="Largest single file the page accepts, in MiB.")
    max_duration_s: float = Field(600.0, gt=0, description="Longest recording that is read whole, in seconds.")
    reader: str = Field("protocol", description="Reader that is chosen when the page opens.")
