"""Every English sentence of the pages, in one table, ready for translation.

It knows nothing of layout. Names in braces are filled in by the caller.
"""

from __future__ import annotations

TITLE = "ECG-R1 Review"
RESEARCH_USE = "Research use. Not a diagnosis."

# Choosing a recording
DROP_FILES = "Drop files or click to choose"
EXAMPLE = "Example recording"
EMPTY = (
    "No recording yet. Drop one above (a .hea with its .dat, a .zip, .csv or .dcm, XML of a cart, SCP-ECG, EDF, MFER, "
    "ISHNE; or a page: scan, photograph, PDF), or open an example:"
)
PSEUDONYM = "patient {pseudonym}"
DEVICE = "What the device measured and said"
DEVICE_CONFIRMED = "Confirmed by a physician."
DEVICE_UNCONFIRMED = "Not confirmed by a physician."
DEVICE_NOTHING = "No measurements."
ASK_RATE = "Sampling rate (Hz)"
ASK_UNIT = "Unit of the samples"
ASK_COUNTS = "Stored counts per millivolt"
READ_FILE = "Read file"
FILES_GONE = "the files are no longer kept"
FILES_GONE_REMEDY = "drop them again"

# Reading
READER = "Reader"
MODALITY = "The reader sees"
MODALITY_NAMES = {
    "signal": "Signal",
    "image": "Image",
    "both": "Signal, image",
    "swapped": "Image, signal",
}
READER_NOTE = "{reader} {version} can read: {seen}."
CONSENT = "I agree that this goes to {host}, for every reading until I leave this page."
NO_CONSENT = "it sends the recording to another machine, and you have not agreed to that"
NO_CONSENT_REMEDY = "read what it sends where and tick the box, or choose another reader"
READER_UNAVAILABLE = "{reader} (not available)"
SEES_SEPARATOR = "; "
READ = "Read"
CANCEL = "Cancel"
FOOTER_DONE = "Read by {reader} {version} from {modality} in {seconds:.1f} s"
FOOTER_RATE = "{sentence} (first words after {first_s:.1f} s, {rate:.1f} tokens/s)"
FOOTER_NOTES = "What {reader} was given: {notes}."
FOOTER_COST = "{sentence}; {cost:.4g} {currency}"
FOOTER_COST_UNKNOWN = "{sentence}; cost unknown"
FOOTER_RUNNING = "{reader} {version} is reading from {modality}"
FOOTER_STOPPED = "Read by {reader} {version} from {modality}, stopped early: incomplete"
READING_NONE = "No reading yet. Open a recording and press Read."
NOT_STATED = "not stated"
SUMMARY = "Summary"
ANSWER = "Answer"
BEFORE_STEPS = "Written before step 1"
AFTER_ANSWER = "Written after the answer"
SEES = {
    "signal": "the signal",
    "image": "the page image",
    "both": "signal and page image",
    "swapped": "page image and signal",
}

# Trace
TRACE = "Trace"
TRACE_LABEL = "ECG trace. Press ? for the keys."
VIEWER_CONTROLS = "How the trace is shown"
PAGE_START = "Page from (s)"
PAGE_BACK = "Page back"
PAGE_FORWARD = "Page forward"
OVERVIEW = "Whole recording: first second of the page"
VIEW = "View"
VIEW_NAMES = {"page": "Page", "medians": "Median beats", "superimposed": "Superimposed"}
LAYOUT_NAMES = {
    "3x4+1": "3 × 4 + II",
    "3x4+3": "3 × 4 + II, V1, V5",
    "3x4": "3 × 4",
    "6x2": "6 × 2",
    "12x1": "12 × 1",
}
LAYOUT = "Layout"
SINGLE_LEAD = "Single lead"
ORDER = "Order"
ORDER_NAMES = {"standard": "Standard", "cabrera": "Cabrera (−aVR)"}
SPEED = "Speed"
GAIN = "Gain"
SPEED_UNIT = "{value:g} mm/s"
GAIN_UNIT = "{value:g} mm/mV"
FILTER = "Filter"
BAND_NAMES = {"diagnostic": "0.05–150 Hz", "monitor": "0.5–40 Hz", "off": "Off"}
NOTCH = "Notch"
NOTCH_OFF = "Off"
NOTCH_UNIT = "{value:g} Hz"
CALIPER = "Caliper"
MARCH = "March"
SNAP = "Snap"
MARKS = "Marks"
ZOOM_IN = "Zoom in"
ZOOM_OUT = "Zoom out"
FIT = "Fit"
FIT_HELP = "Fit the page to the width"
TRUE_SIZE = "True size"
TRUE_SIZE_HELP = "One millimetre on the screen is one millimetre"
KEEP_PRIOR = "Keep as prior"
KEEP_PRIOR_HELP = "Keep this recording in the page to compare the next one with it"
PRIOR = "Prior"
PRIOR_NAMES = {"off": "Off", "overlay": "Overlaid", "below": "Below"}
NO_MEDIAN = "There are no median beats before the recording is measured, or where no beat was found; the page is shown."
UNFILTERED_NOTE = "Measurements are made on the unfiltered recording."
CLOSE = "Close"
CARD_TITLE = "True size"
CARD_HELP = "Hold a bank card (85.60 mm wide) to the screen and move the slider until the frame is as wide as the card."
CARD_WIDTH = "Width"
CARD_SAVE = "Save"
CARD_AGAIN = "Measure the screen again"
KEYS_TITLE = "Keys"
KEYS_EVERYWHERE = "Single keys work anywhere on the page, not only on the trace"
VIEWER_KEYS = (
    ("c", "Calipers on or off; drag, or click two points"),
    ("m", "March the caliper along the strip"),
    ("n", "Snap to measured limits and to the trace"),
    ("Enter", "With calipers: set one in the middle of the view"),
    ("← → ↑ ↓", "With calipers: move the end (Shift: ten times as far)"),
    ("Space", "With calipers: take the other end"),
    ("Delete", "With calipers: remove it"),
    ("Esc", "Clear calipers and highlights"),
    ("← →", "Page back, forward; or scroll when zoomed in"),
    ("+ −", "Zoom in, out (also Ctrl + wheel, pinch)"),
    ("0", "Fit the page to the width"),
    ("t", "True size"),
    ("l", "Next layout"),
    ("r", "Standard or Cabrera order"),
    ("s", "Next speed"),
    ("g", "Next gain"),
    ("f", "Next filter"),
    ("h", "Next notch"),
    ("o", "Marks of P, QRS and T"),
    ("b", "Median beats, superimposed, page"),
    ("p", "Prior: overlaid, below, off"),
    ("[ ]", "Previous, next lead name"),
    ("j k", "In the reading: next, previous claim"),
    ("x", "In the reading: next contradicted claim"),
    ("Enter", "On a claim: its reason, and its place on the trace"),
    ("?", "This sheet"),
)
HOVER_NONE = "Lead, time and voltage under the pointer"
VIEWER = {  # what the viewer's script says
    "not_recorded": "not recorded",
    "no_signal": "no signal",
    "loading": "loading",
    "not_loaded": "not loaded",
    "rest_lost": "the rest of the recording did not come; open it again",
    "off_page": "off the page in part: {leads}",
    "prior_aligned": "prior in blue, aligned at R",
    "prior_unaligned": "prior in blue, not aligned where a column has no R",
    "prior_kept": "Kept as prior: {name}. Open the recording to compare with it.",
    "prior_is": "Prior (blue): {name}",
    "kinds": {"normal": "normal beats", "paced": "paced beats"},
    "kind_marks": {"ventricular_ectopic": "V", "supraventricular_ectopic": "S", "paced": "paced"},
    "kind_legend": {
        "ventricular_ectopic": "V: ventricular ectopic",
        "supraventricular_ectopic": "S: supraventricular ectopic",
        "paced": "paced: paced beat",
    },
    "spike_legend": "stroke above the lowest row: pacing spike",
    "marks_legend": "P and QRS from onset to offset, T from its peak to its end",
    "median_of": "median of {count} {kind}",
    "hover_none": HOVER_NONE,
    "window": "{start} to {end} s, lead {lead}",
    "text": "12-lead ECG of {seconds} s, shown at {footer}",
    "text_rate": "Rate {rate} per minute",
    "caliper_is": "Caliper {id} is",
    "remove": "Remove caliper {id}",
    "roles": {"interval": "interval", "qt": "QT", "rr": "RR"},
    "not_on_sheet": "not in this view",
    "rr_measured": "measured",
    "rr_caliper": "caliper",
    "qtc": "QTc {bazett} ms (Bazett, QT/√RR), {fridericia} ms (Fridericia, QT/∛RR); QT {qt} ms, RR {rr} ms ({rr_from})",
    "qtc_no_rr": "QTc needs an RR: none was measured; set a second caliper and call it RR.",
}
DARK = "Light / dark"

# Measurements
PER_LEAD = "Measurements per lead"
COLUMN_MEASUREMENT = "Measurement"
COLUMN_VALUE = "Value"
COLUMN_UNIT = "Unit"
COLUMN_NORMAL = "Normal"
COLUMN_LEAD = "Lead"
COLUMN_QUALITY = "Quality"
MEASURE_NONE = "Measurements appear here when a recording is open."
MEASURE_RUNNING = "Measuring…"
MEASURE_STOPPED = "Not measured: measuring was stopped."
NOT_MEASURED = "not measured"
NOT_FOUND = "not found"
ABOVE = "above normal"
BELOW = "below normal"
QUALITY = "Signal quality {grade}{notes}"
BEATS = "{count} beats"
RR_RANGE = "RR {low:.0f}–{high:.0f} ms"
ECTOPIC_SUPRAVENTRICULAR = "{count} supraventricular ectopic"
ECTOPIC_VENTRICULAR = "{count} ventricular ectopic"
LEAD_UNITS = "Amplitudes in mV against the baseline before the wave, durations in ms; – means not found."

# Status
STATUS_START = "Ready."
STATUS_FILES = "Reading {files}…"
STATUS_MEASURING = "Measuring {name}…"
STATUS_OPEN = "{name} is open and measured. Press Read for a reading."
STATUS_ASKED = "{reader} has been asked; waiting for its first words…"
STATUS_WAITING = "{reader} is at another reading; this one waits · {seconds:.0f} s"
STATUS_LOADING = "Loading the model, about {expected:.0f} s; this is done once · {seconds:.0f} s"
STATUS_LOOKING = "{reader} is looking at {modality}; no words yet · {seconds:.0f} s"
STATUS_PAGE = "Drawing the page image for {reader}…"
STATUS_WRITING = "{reader} is writing {part} · {seconds:.0f} s"
WRITING_FIRST = "its first words"
WRITING_STEP = "step {number} of {count}"
WRITING_SUMMARY = "the summary"
WRITING_ANSWER = "the answer"
STATUS_READ = "Reading finished."
STATUS_INCOMPLETE = "The reading ended early: {missing} missing."
MISSING_TAGS = {  # said only where nothing that a reader would read is missing
    "<think>": "the opening of its reasoning",
    "</think>": "the close of its reasoning",
    "</answer>": "the close of its answer",
}
STATUS_LIMIT = {
    "length": "The reading reached its limit of {tokens} tokens (ECGR1_MODEL_MAX_NEW_TOKENS): {missing} missing.",
    "time": "The reading reached its limit of {seconds:g} s (ECGR1_MODEL_MAX_SECONDS): {missing} missing.",
}
STATUS_LIMIT_THERE = {
    "length": "The reading reached the limit of tokens of its server (ECGR1_REMOTE_MAX_TOKENS): {missing} missing.",
    "time": "The reading reached the time limit of its server: {missing} missing.",
}
STATUS_CANCELLED = "Cancelled. What was on the page is still there."
FAULT = "An internal fault stopped this; it was logged on the server, and what was on the page is still there."
FILE_TOO_BIG = "the file is {size_mb:.0f} MB, and at most {limit_mb} MB are accepted"
FILE_TOO_BIG_REMEDY = "cut out the part to be read, or raise ECGR1_MAX_UPLOAD_MB"
NO_RECORDING = "no recording is open"
NO_RECORDING_REMEDY = "drop a file or open an example first"

# Case line
YEARS = "{value} y"
SEXES = {"F": "F", "M": "M"}
UNKNOWN_AGE = "age unknown"
UNKNOWN_SEX = "sex unknown"
LEAD_COUNT = "{count} leads"
MISSING = "not recorded: {leads}"
FLAT = "flat: {leads}"
DERIVED = "computed from the other limb leads: {leads}"

# Reading: claims, evidence phrases, what can be done with a reading
CLAIM_STATUS = {"supported": "supported", "contradicted": "contradicted", "not_measurable": "not measurable"}
CLAIM_HEDGED = " (said with doubt)"
CLAIM_ONE = "claim"
CLAIM_MANY = "claims"
CLAIMS_COUNT = "{supported} {noun} supported, {contradicted} contradicted, {not_measurable} not measurable"
CLAIMS_NONE = "No claim that a measurement could decide was found in it"
CLAIMS_HELP = "A claim opens its reason and lights its place on the trace; Esc clears."
MEASURED = "measured"
NOT_CHECKED_SIGNAL = "Not checked: no signal."
NOT_CHECKED_MEASURED = "Not checked: the recording was not measured."
CHECKED_SO_FAR = "so far"
ABOUT_LEAD = "Showing claims about {lead}: {count}."
SHOW_ALL = "Show all claims"
PHRASE_TITLES = {
    "hit": "Evidence phrase: {phrase}",
    "negated": "Evidence phrase, denied here: {phrase}",
    "differs": "Words that the other reading does not have",
}
PHRASES_MISSED = "Missed:"
PHRASES_NEGATED = "Denied:"
EDER = "EDER {hits}/{count}"
EDER_TITLE = "Evidence phrases of the reference that this step says ({mode})"
EDER_TOTAL = "EDER {score:.2f} against {name} ({mode})"
EDER_WITHOUT_PHRASES = "{name} has no evidence phrases"
EDER_ANSWER = "answer of the reference: {labels}"
COMPARE = "Compare with reference…"
COMPARE_PROTOCOL = "Protocol findings (a reading too)"
COMPARE_MODE = "Matching"
COMPARE_MODES = {"strict": "strict", "published": "as published"}
COMPARE_OFF = "Take reference away"
COPY = "Copy"
JSON = "JSON"
PDF = "PDF"
STATUS_COPIED = "The reading of {name} is on the clipboard."
STATUS_COMPARED = "Compared with {name}."
COPY_FAILED = "This browser does not let the page copy; the text was saved as a file instead."
STATUS_PDF = "Making the report of {name}…"
STATUS_PDF_DONE = "The report of {name} is in your downloads."
STATUS_JSON_DONE = "The reading of {name} is in your downloads."
NO_READING = "there is no finished reading"
NO_READING_REMEDY = "press Read first"
NO_FINDINGS = "it was not measured, and the protocol judges measurements"
NO_REPORT = "it was not measured, and a report prints measurements"
NO_REPORT_REMEDY = "open it again and let it be measured"
REPORT_STOPPED = {
    "length": "it reached its limit of tokens",
    "time": "it reached its limit of time",
    "cancelled": "it was cancelled",
}
REFERENCE_TOO_BIG = "it is larger than 1 MB, which no reference is"
REFERENCE_NO_TEXT = "it is no text"
REFERENCE_REMEDY = "give one reference: JSON or YAML by step, a reading in steps, or the published string"
CERTAINTIES = {"definite": "definite", "probable": "probable", "possible": "possible"}
CODE_TITLES = {"scp": "SCP-ECG {code}", "snomed": "SNOMED CT {code}", "aha": "AHA {code}"}
CODE_NONE = "no code in the vocabulary"
READING = "Reading"
READING_REGION = "Reading, with its claims checked against the trace"

# Recordings kept for this browser
RECORDINGS = "Recordings"
RECORDINGS_CLOSE = "Close the list of recordings"
RECORDINGS_NONE = "None yet. Recordings that you open are listed here."
RECORDINGS_OFF = "Recordings are not kept (ECGR1_KEEP_RECORDINGS)."
RECORDINGS_WHERE = (
    "Kept on this machine only, in {file} in the data folder, and shown to this browser alone. What is not opened for "
    "{days:g} days is deleted."
)
RECORDING_STATES = {"opened": "opened", "measured": "measured"}
RECORDING_READ = "read by {reader}"
RECORDING_CONTRADICTED = "{count} contradicted"
RECORDING_UNCHECKED = "not checked"
RECORDING_REMOVE = "Remove"
RECORDING_REMOVE_NAMED = "Remove {name}"
RECORDING_REMOVE_SURE = "Remove for good"
RECORDING_REMOVE_ALL = "Remove all"
RECORDING_REMOVE_ALL_SURE = "Remove all {count} for good"
RECORDING_KEEP = "Keep"
STATUS_REMOVED = "Removed from this machine."
STATUS_REOPENED = "{name} is open as you left it."
STATUS_REOPENED_LOST = "{name} is open; its {lost} were kept by another version of the program and are no longer read."
STATUS_READER_GONE = "{reopened} {reader}, which read it, cannot be chosen now."
STATUS_NOT_KEPT = "{name} is open, but could not be kept for later: {fault}"
LOST = {"measurements": "measurements", "reading": "reading"}
