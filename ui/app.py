"""The app as a whole: its pages, its theme, and how it is served.

Everything Gradio would send, keep or show on its own is turned off here: analytics, run history, the API link, error
details, fonts from elsewhere. The module knows nothing of what the pages do.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from annotations.recordings import FILE_NAME, RecordingStore
from ecgr1_core.errors import InputError
from ecgr1_core.formats.examples import bundled_examples, fetched_examples
from ecgr1_core.metrics.embedding import OFFLINE_MODEL
from ecgr1_core.readers import known_readers
from ecgr1_core.readers.base import Preparing
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui import strings, strings_web
from ui.components import page_panel
from ui.components.viewer import STYLES, viewer_script
from ui.pages import adjudicate, login, oidc, people, rate, rate_calls, results, studies, studies_audit, studies_build
from ui.pages.compare import build_compare_page
from ui.pages.compare_actions import sentence_model
from ui.pages.kept_pages import PAGES_FILE, PageFiles
from ui.pages.login import needs_setup
from ui.pages.read import build_read_page
from ui.pages.read_actions import warm_up
from ui.quick_gradio import gr
from ui.web import server
from ui.web.assets import TOKENS
from ui.web.server import COMPARE_PATH, Running
from ui.web.site import Site

FONTS = ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "DejaVu Sans", "sans-serif")
FIXED_FONTS = ("ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace")
LONGEST_QUEUE = 64
CLEAN_EVERY_S = 3600
KEEP_UPLOADS_S = 6 * 3600
VISITORS_KEPT = 50
STUDY_PAGES = (login, oidc, rate, rate_calls, adjudicate, people, studies_audit, studies_build, studies, results)
ROUTERS = tuple(module.router for module in STUDY_PAGES)

logger = logging.getLogger(__name__)
_HERE = Path(__file__).parent


def build_app(settings: Settings, examples: Callable[[], Sequence[EcgRecord]]) -> gr.Blocks:
    """Return the app with all its pages, not yet serving.

    `examples` gives the recordings the page offers. Uploads go below `settings.data_dir` and are deleted once read.
    """
    uploads = settings.data_dir.absolute() / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    # Gradio takes its upload folder from nowhere but this variable, and looks it up anew for every component.
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    recordings = [*examples(), *_recordings_from_files(settings.data_dir / "examples")]
    store, pages = None, None
    if settings.keep_recordings:
        pages = PageFiles(settings.data_dir / PAGES_FILE)
        store = RecordingStore(settings.data_dir / FILE_NAME, settings.keep_recordings_days)
    with gr.Blocks(
        title=strings.TITLE, analytics_enabled=False, fill_width=True, delete_cache=(CLEAN_EVERY_S, KEEP_UPLOADS_S)
    ) as app:
        build_read_page(app, settings, recordings, store, pages)
    with app.route(strings_web.COMPARE, COMPARE_PATH, show_in_navbar=False):
        build_compare_page(app, settings, recordings, store, pages)
    app.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=4, api_open=False)
    if recordings:
        threading.Thread(target=warm_up, args=(recordings[0],), name="warm-up", daemon=True).start()
    return app


def _recordings_from_files(folder: Path) -> list[EcgRecord]:
    """Return the DICOM example that is installed, and those fetched into `folder`; what cannot be read is logged."""
    found: list[EcgRecord] = []
    for source in (bundled_examples, lambda: fetched_examples(folder)):
        try:
            found += source()
        except InputError as error:
            logger.warning("example left out: %s", error)
    return found


def build_server(app: gr.Blocks, settings: Settings) -> FastAPI:
    """Return the server of all pages: those of reader studies, and `app` with the rest."""
    app.state_session_capacity = VISITORS_KEPT
    limit_bytes = settings.max_upload_mb * 2**20
    style = f":root {{ --drop-text: {json.dumps(strings.DROP_FILES)}; }}\n"
    style += ".nav-holder { display: none !important; }\n"  # Gradio's list of its own pages; the head line has all
    style += _own("print.css")
    script = f"window.ecgr1MaxUploadBytes = {limit_bytes};\n" + _own("stream.js", "page.js") + viewer_script()
    script += _own("reading.js", "sessions.js", "compare.js") + page_panel.panel_script()
    return server.build_server(
        Site(settings),
        ROUTERS,
        app,
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        max_file_size=limit_bytes,
        theme=_theme(),
        css_paths=[TOKENS, _HERE / "theme.css", STYLES, page_panel.STYLES, _HERE / "compare.css"],
        head=f"<style>{style}</style><script>{script}</script>",
    )


def _own(*names: str) -> str:
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def launch(app: gr.Blocks, settings: Settings, *, open_browser: bool = False, block: bool = True) -> Running:
    """Serve `app` and the pages of reader studies on `settings.host` and `settings.port`.

    With `block` the call returns when the process is interrupted; meanwhile the models that come along are loaded,
    unless the settings say not to. Raises `InputError` where the port is taken.
    """
    built = build_server(app, settings)
    running = server.listen(built, settings.host, settings.port)
    print(f"{strings.TITLE} is ready on {running.address} (Ctrl-C ends it). {strings.RESEARCH_USE}", flush=True)
    site: Site = built.state.site
    if needs_setup(site):
        told = strings_web.SETUP_TERMINAL.format(host=settings.host, port=settings.port, code=site.setup_code)
        print(told, flush=True)
    if open_browser:
        webbrowser.open(running.address)
    if block:
        if settings.load_at_start:
            threading.Thread(target=get_ready, args=(settings,), name="get ready", daemon=True).start()
        running.wait()
    return running


def get_ready(settings: Settings) -> None:
    """Load what comes with the program and takes seconds to load: the embedded model, then what comparisons need.

    What cannot be loaded is told by the reading or the comparison that needs it.
    """
    for reader in known_readers(settings):
        if isinstance(reader, Preparing):
            reader.get_ready()
    if settings.sentence_model is None:
        with suppress(InputError):
            sentence_model(OFFLINE_MODEL).load()


def _theme() -> Any:
    hue = gr.themes.Color(
        name="signal", c50="#eaf3f9", c100="#d3e6f2", c200="#a6cce4", c300="#78b2d6", c400="#4a97c8", c500="#1c7cb5",
        c600="#005b94", c700="#004a78", c800="#00385c", c900="#002840", c950="#001b2c",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=hue,
        neutral_hue="gray",
        text_size="sm",
        spacing_size="sm",
        radius_size="sm",
        font=list(FONTS),
        font_mono=list(FIXED_FONTS),
    ).set(
        body_background_fill="#f1f3f4",
        body_background_fill_dark="#0e1214",
        body_text_color="#1c2329",
        body_text_color_dark="#e3e8eb",
        block_background_fill="#ffffff",
        block_background_fill_dark="#171c20",
        block_shadow="none",
        button_primary_background_fill="#005b94",
        button_primary_background_fill_hover="#004a78",
        button_primary_background_fill_dark="#6bbcf0",
        button_primary_background_fill_hover_dark="#8fccf5",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0e1214",
    )
