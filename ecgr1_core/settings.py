"""All settings of the program: one class, read from `ECGR1_*` environment variables or a `.env` file.

No other module reads the environment; what a stage needs is passed to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings with their defaults; each can be set by `ECGR1_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="ECGR1_", env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True
    )

    host: str = Field("127.0.0.1", description="Address the app listens on; other machines reach it only if changed.")
    port: int = Field(7860, ge=1, le=65535, description="Port the app listens on.")
    data_dir: Path = Field(
        Path("var"), description="Folder for what the program keeps: recordings, uploads while they are read, examples."
    )
    pseudonym_key: Path | None = Field(
        None, description="File with the key of pseudonyms; pseudonyms.key in the data folder by default."
    )
    keep_recordings: bool = Field(
        True, description="Whether opened recordings and their readings are kept in the data folder for reopening."
    )
    keep_recordings_days: float = Field(
        30.0, gt=0, description="Days after which a kept recording that nobody opened again is deleted."
    )
    max_upload_mb: int = Field(100, ge=1, description="Largest single file the page accepts, in MiB.")
    max_duration_s: float = Field(600.0, gt=0, description="Longest recording that is read whole, in seconds.")
    reader: str = Field("protocol", description="Reader that is chosen when the page opens.")
    model: Path | None = Field(
        None, description="Directory of the ECG-R1 model that the reader ecg-r1 loads; `ecgr1 model fetch` gets one."
    )
    model_precision: Literal["auto", "bf16", "fp16", "fp32", "int8", "int4", "nf4"] = Field(
        "auto", description="Precision of the weights in memory; auto takes what they are stored in, or what fits."
    )
    model_device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="Where the model computes; auto takes a GPU where there is one."
    )
    model_adapter: Path | None = Field(None, description="Directory of a LoRA adapter that is put on the model.")
    medgemma: Path | None = Field(None, description="Directory of a MedGemma that the reader medgemma loads.")
    pulse: Path | None = Field(None, description="Directory of a PULSE (LLaVA's layout) that the reader pulse loads.")
    gem: Path | None = Field(None, description="Directory of a GEM (LLaVA's layout) that the reader gem loads.")
    remote_url: str | None = Field(
        None, description="Base address of an OpenAI-compatible server for the reader remote, mostly ending in /v1."
    )
    remote_model: str | None = Field(None, description="Name by which that server knows the model that is to read.")
    remote_api_key: SecretStr | None = Field(None, description="Key that is sent to that server; unset: none is sent.")
    author_api_key: SecretStr | None = Field(
        None, description="Key that is sent to the server that writes a training corpus; unset: none is sent."
    )
    remote_name: str = Field("Remote model", description="What the pages and results call the reader remote.")
    remote_measurements: bool = Field(
        False, description="Whether the prompt of the reader remote holds the measurements made on the signal."
    )
    remote_ecg: bool = Field(
        False, description="Whether that server takes the signal: one of our own (`ecgr1 serve --api`) does."
    )
    remote_uploaded_pages: bool = Field(
        False, description="Whether pages that came as images may be sent, with all that is printed on them."
    )
    remote_timeout_s: float = Field(
        600.0, gt=0, description="Longest time of one remote reading, asking again included, in seconds."
    )
    remote_silence_s: float = Field(
        120.0, gt=0, description="Longest time without a byte from the remote server, in seconds."
    )
    remote_retries: int = Field(
        3, ge=0, le=10, description="How often that server is asked again when it is busy, failing or unreachable."
    )
    remote_requests_per_minute: int | None = Field(
        None, ge=1, description="Most requests a minute to the remote server from this process; unset: no limit."
    )
    remote_max_tokens: int = Field(
        4096, ge=1, description="Most tokens of one remote reading, hidden reasoning included."
    )
    remote_price_in: float | None = Field(
        None, ge=0, description="Price of a million tokens sent to the remote model; unset: the cost is unknown."
    )
    remote_price_out: float | None = Field(
        None, ge=0, description="Price of a million tokens written by the remote model; unset: the cost is unknown."
    )
    remote_currency: str = Field("USD", description="Currency of these prices.")
    sentence_model: str | None = Field(
        None,
        description="Sentence model of comparisons, a directory or a name of the Hugging Face hub; one comes along.",
    )
    load_at_start: bool = Field(
        True,
        description="Whether the models that come along are loaded as soon as pages are served (350 MB).",
    )
    model_max_new_tokens: int = Field(2048, ge=1, description="Most tokens that one reading of the model may have.")
    model_max_seconds: float = Field(
        1800.0, gt=0, description="Longest time that the model may take for one reading, in seconds."
    )
    study_database: str | None = Field(
        None, description="File or URL of the reader studies' database; study.sqlite in the data folder by default."
    )
    require_login: bool = Field(
        False, description="Whether the Read page needs an account too; raters of a running study then cannot use it."
    )
    public_url: str | None = Field(
        None,
        description="Address by which browsers reach the site, for links that are sent; https keeps cookies to it.",
    )
    password_days: int | None = Field(
        None, ge=1, description="Days after which a password must be changed; unset: never."
    )
    api_key: SecretStr | None = Field(
        None, description="Key that callers of `ecgr1 serve --api` must send; needed where other machines can reach it."
    )
    api_waiting: int = Field(16, ge=0, description="Requests of the API that may wait while another one is read.")
    login_idle_minutes: float = Field(120.0, gt=0, description="Minutes without a request after which a log-in ends.")
    oidc_issuer: str | None = Field(
        None,
        description="Issuer of the OpenID Connect provider for single sign-on, as it says it; unset: passwords only.",
    )
    oidc_client_id: str | None = Field(None, description="Name under which this site is registered at the provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Secret that the provider gave with it; unset for a public client, which PKCE alone protects."
    )
    oidc_name: str = Field("your institution", description="What the log-in page calls the provider.")

    @property
    def pseudonym_file(self) -> Path:
        """The file with the key of pseudonyms."""
        return self.pseudonym_key or self.data_dir / "pseudonyms.key"
