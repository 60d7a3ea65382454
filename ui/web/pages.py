"""How a page is made, and how what was sent is answered.

Pages are Jinja templates in `ui/templates`; whatever is put into them is escaped. A form is sent by the page's script
(`ui/static/forms.js`), which wants JSON: where to go on, or one sentence about what is wrong, so that what was typed
stays. A browser without scripts gets a redirection or a page with the sentence.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ui import strings, strings_web
from ui.web.visits import Visit, visit_of

TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def environment() -> Environment:
    """Return the templates; an unknown name in one is a fault of ours, not an empty place."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["_range"] = lambda low, high: range(low, high + 1)
    found.globals["_named"] = lambda choices: [(name, name) for name in sorted(choices, key=lambda one: -choices[one])]
    found.globals["app"] = strings
    found.globals["web"] = strings_web
    return found


def page(
    request: Request, template: str, *, visit: Visit | None = None, here: str = "", status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page; `here` is the entry of the head line that it belongs to ("rate", "studies", "results")."""
    body = environment().get_template(template).render(visit=visit, here=here, **values)
    return HTMLResponse(body, status_code=status)


def message(request: Request, title: str, sentence: str, *, status: int = 200) -> HTMLResponse:
    """Return a page of one sentence, for the person who is logged in or nobody."""
    return page(request, "message.html", visit=visit_of(request), status=status, title=title, sentence=sentence)


def go_on(request: Request, path: str, **told: Any) -> Response:
    """Answer something that was sent: where to go on, and for a script whatever else there is to tell."""
    if wants_json(request):
        return JSONResponse({"go": path, **told})
    return RedirectResponse(path, status_code=303)


def wants_json(request: Request) -> bool:
    """Whether a script asks, which can show a sentence where it is needed."""
    return "application/json" in request.headers.get("accept", "")


def own_path(text: str, default: str = "/") -> str:
    """Return a path of this site to go on with; anything that could lead elsewhere gives the default."""
    parts = urlsplit(text)
    harmless = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if harmless and all(ord(letter) >= 32 for letter in text) else default
