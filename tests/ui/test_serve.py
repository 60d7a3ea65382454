"""`ecgr1 serve` and the app as it is built."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.metrics.embedding import OFFLINE_MODEL
from ecgr1_core.readers import NanoReader, known_readers
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui import cli
from ui.app import build_app, get_ready, launch
from ui.pages.compare_actions import sentence_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Settings(data_dir=tmp_path, port=probe.getsockname()[1])


def examples() -> list[EcgRecord]:
    rng = np.random.default_rng(0)
    return [
        EcgRecord(rng.normal(0, 0.1, (12, 5000)).astype(np.float32), 500.0, name="a"),
    ]


def test_the_command_line_does_not_import_gradio() -> None:
    code = "import sys, ui.cli; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_serve_takes_host_and_port() -> None:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(), examples)
    arguments = parser.parse_args(["serve", "--host", "127.0.0.1", "--port", "7999", "--no-browser"])
    assert (arguments.host, arguments.port, arguments.no_browser) == ("127.0.0.1", 7999, True)


def test_a_taken_port_is_one_sentence(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with pytest.raises(InputError, match=rf"port {settings.port} on 127.0.0.1: .*; choose another with --port\."):
            launch(build_app(settings, examples), settings, block=False)


def test_models_that_come_along_are_ready_before_anybody_asks(settings: Settings) -> None:
    get_ready(settings)
    assert sentence_model(OFFLINE_MODEL).loaded
    assert all(reader.loaded for reader in known_readers(settings) if isinstance(reader, NanoReader))


def test_no_state_or_default_of_the_page_gives_anything_away(settings: Settings, tmp_path: Path) -> None:
    app = build_app(settings, examples)
    assert app.analytics_enabled is False
    assert str(tmp_path) not in str(app.get_config_file()["components"])
    assert all(entry["api_visibility"] != "public" for entry in app.get_config_file()["dependencies"])


def test_the_api_is_not_open_to_other_machines_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGR1_API_KEY", raising=False)
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(), examples)
    arguments = parser.parse_args(["serve", "--api", "--host", "0.0.0.0", "--port", "7999"])
    with pytest.raises(InputError, match="no key is set; set ECGR1_API_KEY"):
        arguments.run(arguments)


def test_the_api_is_served_by_the_command(tmp_path: Path) -> None:
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", "serve", "--api", "--port", str(port)]
    environment = {**os.environ, "ECGR1_API_KEY": "one key"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert "Starting on" in process.stdout.readline()
            assert "The API is ready on" in process.stdout.readline()
            address = f"http://127.0.0.1:{port}"
            assert httpx.get(f"{address}/health", trust_env=False).json()["status"] == "ok"
            assert httpx.get(f"{address}/v1/models", trust_env=False).status_code == 401
        finally:
            process.terminate()
