"""Every English sentence about pages of ECGs: asking for what one does not show, and the panel that shows it.

It knows nothing of layout. Names in braces are filled in by the caller.
"""

from __future__ import annotations

# Opening
ASK_SPEED = "Paper speed (mm/s)"
ASK_GAIN = "Gain (mm/mV)"
ASK_SCALE = "Pixels of one millimetre"
ASK_NUMBER = "Page of the file"
ONE_AT_A_TIME = "a page is opened by itself, and {count} files were dropped"
ONE_AT_A_TIME_REMEDY = "drop one page at a time, or the files of one recording"
OTHER_PAGE = "page {number} of {pages} cannot be read: {fault}"
OTHER_PAGE_REMEDY = "choose another page below"
STATUS_READING = "Reading {file} off the page: its grid, its print, its traces. This takes some seconds…"
STATUS_PICTURE = "Opening the page for {reader}…"
READ_OFF = "read off the page {file}"
CASE_UNSURE = "{count} not shown by the page, or not sure: listed below the picture of the page"
NO_PAGE = "no page is open"
NO_PAGE_REMEDY = "drop a picture or a PDF of an ECG first"
BAD_CORRECTIONS = "what was changed could not be understood"
BAD_CORRECTIONS_REMEDY = "press As found and change it again"

# Text on the page, and hiding it
TEXT_FOUND = "Text is printed on this page ({places}); it may name the patient."
TEXT_NONE = "No text was found beside the traces; look at the page yourself before it is shown to others."
TEXT_UNKNOWN = "Whether text is printed on this page was not looked for; press As found to have it looked for."
TEXT_LEFT = "{hidden} hidden on this page. Text is left on it ({places})."
TEXT_HIDDEN = "{hidden} hidden on this page, and the file as uploaded is forgotten here. Open it again to begin anew."
ONE_PLACE = "1 place"
PLACES = "{count} places"
ONE_HIDDEN = "1 place is"
MANY_HIDDEN = "{count} places are"
HIDING = "Hide text on the page"
HIDE_FOUND = "Hide it"
HIDE_THESE = "Hide these places"
DRAW_BOX = "Draw a box to hide"
DRAW_BOX_HELP = "Drag over the picture to mark a place that is to be hidden"
ADD_BOX = "Add a box"
ADD_BOX_HELP = "Put a box in the middle of what is seen, to be moved with the arrow keys"
MARK_AROUND = "All but the traces"
MARK_AROUND_HELP = "Mark everything but the traces, the names of leads and the calibration pulses"
NO_BOXES = "Take back"
NO_BOXES_HELP = "Take back what was marked here; what is hidden already stays hidden"
BOX_HELP = (
    "Drag a box to move it, its lower right corner to size it, or use the arrow keys (Shift: ten times as far). "
    "× or Delete takes it away."
)
STATUS_HIDING = "Hiding {places} on the page…"
STATUS_HIDDEN = "{places} hidden. Readers get the page without them; the file as uploaded is forgotten here."
NOTHING_MARKED = "no place is marked to be hidden"
NOTHING_MARKED_REMEDY = "draw a box over it first"
STILL_READING = "readings are being written with this page"
STILL_READING_REMEDY = "wait for them or cancel them"

# The panel
TITLE = "Page"
DRAWN = "What is drawn over the page"
TOGGLES = {
    "grid": ("Grid", "The grid that was found, each 5 mm"),
    "boxes": ("Boxes", "Where each lead was found, with its name and how sure it is"),
    "traces": ("Traces", "The curves that were followed"),
    "corners": ("Corners", "Show the four corners of the sheet and move them"),
}
BESIDE = "Beside the trace"
BESIDE_HELP = "Put the page beside the trace, and the reading below both"
ZOOM_IN = "Enlarge the page"
ZOOM_OUT = "Make the page smaller"
FIT = "Fit"
FIT_HELP = "Fit the page to the width"
PICTURE = "The page, with what was found drawn over it"
CORNER_NAMES = ("Upper left corner", "Upper right corner", "Lower right corner", "Lower left corner")
CORNER_HELP = "Drag a corner, or move it with the arrow keys (Shift: ten times as far)."
CORRECT = "Correct"
SPEED = "Speed"
GAIN = "Gain"
SCALE = "Pixels per mm"
NUMBER = "Page of the file"
LEADS_TITLE = "Lead in each place, as on the page"
AS_READ = "as read"
LEFT_OUT = "left out"
AGAIN = "Read the page again"
AS_FOUND = "As found"
UNSURE_TITLE = "What the page did not show, or is not sure"
UNSURE_NONE = "Everything that was looked for was found."
NOT_KEPT = "The file is larger than {limit_mb:g} MB and is not kept: the recording opens again without its page."
CAPTION = "{layout}{order}, {speed}, {gain}{scale}{turned}."
KEY = "The number beside a name is how sure it is, from 0 to 1; a box below 0.5 is dashed and called unsure."
NO_LAYOUT = "No known layout"
CABRERA = ", Cabrera order"
SPEED_FACT = "{value:g} mm/s ({source})"
GAIN_FACT = "{value:g} mm/mV ({source})"
SCALE_FACT = ", {value:.3g} pixels per mm"
TURNED_FACT = ", turned back by {degrees}°"
SCALE_SOURCES = {
    "printed": "as printed",
    "pulse": "from the calibration pulse",
    "asked": "as you said",
    "geometry": "from the length of the traces",
    None: "source unknown",
}
FROM_VECTORS = " The lines of the PDF were taken as they are."
PANEL = {  # what the panel's script says
    "unsure": "unsure",
    "yours": "as you said",
    "not_used": "not used",
    "unnamed": "no name",
    "left_out": LEFT_OUT,
    "place": "Row {row}, place {column}",
    "twice": "{leads} stands in more than one place; only the first is taken.",
    "no_traces": "The curves of this page are not known",
    "no_grid": "No grid was found on this page",
    "corner_at": "{name}, {x} from the left, {y} from the top",
    "hide_found": HIDE_FOUND,
    "hide_these": HIDE_THESE,
    "box_at": "Box {number} to hide, {x} from the left, {y} from the top, {width} wide, {height} high",
    "box_size": "Size of box {number}",
    "box_remove": "Take box {number} away",
}


def places(count: int) -> str:
    """Return how many places there are, in words."""
    return ONE_PLACE if count == 1 else PLACES.format(count=count)


def text_sentence(found: int | None, hidden: int) -> str:
    """Return what is to be said of text on a page: `found` places (None: not looked for), and `hidden` ones."""
    gone = ONE_HIDDEN if hidden == 1 else MANY_HIDDEN.format(count=hidden)
    if hidden:
        return TEXT_LEFT.format(hidden=gone, places=places(found)) if found else TEXT_HIDDEN.format(hidden=gone)
    if found is None:
        return TEXT_UNKNOWN
    return TEXT_FOUND.format(places=places(found)) if found else TEXT_NONE
