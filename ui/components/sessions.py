"""The list of recordings that this browser has opened: name, patient, when, how far each came; reopen and remove.

The page's script turns its buttons into events (`ui/sessions.js`); what they do is in `ui.pages.kept_actions`. Removing
asks again in the list itself. Times are in the zone of the server, which is the machine the page is read on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from annotations.recordings import FILE_NAME, Entry
from ecgr1_core.record import Patient
from ui import strings, strings_web

CURRENT = ' aria-current="page"'


def head_html(here: str = "/") -> str:
    """Return the head line of the page at `here`: its title, the other pages, and that this is no diagnosis.

    The Read page's also has the button that shows the list of recordings.
    """
    pages = (
        ("/", strings_web.READ), ("/compare", strings_web.COMPARE), ("/rate", strings_web.RATE),
        ("/studies", strings_web.STUDIES), ("/results", strings_web.RESULTS),
    )  # fmt: skip
    links = "".join(f'<a href="{path}"{CURRENT if path == here else ""}>{escape(name)}</a>' for path, name in pages)
    button = (
        f'<button type="button" id="recordings-switch" aria-expanded="false" aria-controls="recordings">'
        f'{escape(strings.RECORDINGS)}<span class="count"></span></button>'
    )
    return (
        f"{button if here == '/' else ''}<h1>{escape(strings.TITLE)}</h1>"
        f'<nav aria-label="{escape(strings_web.MAIN_PAGES)}">{links}</nav>'
        f'<span class="use">{escape(strings.RESEARCH_USE)}</span>'
    )


def recordings_head_html() -> str:
    """Return the heading of the list with the button that closes it."""
    close = escape(strings.RECORDINGS_CLOSE)
    return (
        f'<div class="recordings-head"><h2>{escape(strings.RECORDINGS)}</h2>'
        f'<button type="button" id="recordings-close" aria-label="{close}" title="{close}">✕</button></div>'
    )


def sessions_html(
    entries: Sequence[Entry] | None, *, keep_days: float, now: datetime, open_key: str | None = None
) -> str:
    """Return the list as HTML, the last opened first; None says that recordings are not kept. `open_key` is marked."""
    if entries is None:
        return f'<p class="quiet">{escape(strings.RECORDINGS_OFF)}</p>'
    where = strings.RECORDINGS_WHERE.format(file=FILE_NAME, days=keep_days)
    where_line = f'<p class="quiet where">{escape(where)}</p>'
    if not entries:
        return f'<p class="quiet" data-count="0">{escape(strings.RECORDINGS_NONE)}</p>{where_line}'
    items = "".join(_item(entry, now, entry.key == open_key) for entry in entries)
    sure_all = strings.RECORDING_REMOVE_ALL_SURE.format(count=len(entries))
    remove_all = f'<p class="all">{_asking(strings.RECORDING_REMOVE_ALL, "", sure_all, "remove-all", "")}</p>'
    return f'<ol class="kept" data-count="{len(entries)}">{items}</ol>{remove_all}{where_line}'


def patient_text(patient: Patient) -> str:
    """Return age and sex as "61 y · F", what is unknown left out."""
    age = None if patient.age_text is None else strings.YEARS.format(value=patient.age_text)
    sex = None if patient.sex is None else strings.SEXES[patient.sex]
    return " · ".join(part for part in (age, sex) if part)


def time_text(moment: datetime, now: datetime) -> str:
    """Return the time of day of today, otherwise the date with it, "22 Nov 14:05", in the zone of `now`."""
    local = moment.astimezone(now.tzinfo)
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == now.year else f"{local.day} {local:%b %Y %H:%M}"


def state_text(entry: Entry) -> str:
    """Return how far a recording came: "opened", "measured", "read by Protocol, 1 contradicted"."""
    if entry.read_by is None:
        return strings.RECORDING_STATES["measured" if entry.measured else "opened"]
    read = strings.RECORDING_READ.format(reader=entry.read_by)
    if entry.contradicted is None:
        return f"{read}, {strings.RECORDING_UNCHECKED}"
    return f"{read}, {strings.RECORDING_CONTRADICTED.format(count=entry.contradicted)}"


def _item(entry: Entry, now: datetime, is_open: bool) -> str:
    facts = " · ".join(part for part in (patient_text(entry.patient), time_text(entry.opened_at, now)) if part)
    stale = " stale" if entry.contradicted else ""
    current = ' aria-current="true"' if is_open else ""
    opening = (
        f'<button type="button" class="open" data-act="open" data-key="{escape(entry.key)}"{current}>'
        f'<bdi class="name">{escape(entry.name)}</bdi><span class="facts">{escape(facts)}</span>'
        f'<span class="state{stale}">{escape(state_text(entry))}</span></button>'
    )
    named = strings.RECORDING_REMOVE_NAMED.format(name=entry.name)
    asking = _asking(strings.RECORDING_REMOVE, named, strings.RECORDING_REMOVE_SURE, "remove", entry.key)
    return f"<li>{opening}{asking}</li>"


def _asking(label: str, named: str, sure: str, act: str, key: str) -> str:
    """Return a button that, once pressed, gives way to two: do it for good, or keep."""
    name = f' aria-label="{escape(named)}"' if named else ""
    keep = f'<button type="button" data-act="keep">{escape(strings.RECORDING_KEEP)}</button>'
    return (
        f'<span class="asking"><button type="button" data-act="ask"{name}>{escape(label)}</button>'
        f'<span class="sure" hidden><button type="button" class="grave" data-act="{act}" data-key="{escape(key)}">'
        f"{escape(sure)}</button> {keep}</span></span>"
    )
