"""Every English sentence of the pages, in one table, ready for translation.

It knows nothing of layout. Names in braces are filled in by the caller.
"""

from __future__ import annotations

TITLE = "ECG-R1 Review"
RESEARCH_USE = "Research use. Not a diagnosis."

# Choosing a recording
DROP_FILES = "Drop files or click to choose"
EXAMPLE = "Example recording"
EXAMPLE_NONE = "Choose an example"
EMPTY = "No recording yet. Drop one above (a .hea with its .dat, a .zip, .csv or .dcm), or open an example:"
ASK_RATE = "Sampling rate (Hz)"
ASK_UNIT = "Unit of the samples"
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
READER_UNAVAILABLE = "{reader} (not available)"
SEES_SEPARATOR = "; "
READ = "Read"
CANCEL = "Cancel"
FOOTER_NONE = "No reading yet"
FOOTER_DONE = "Read by {reader} {version} from {modality} in {seconds:.1f} s"
FOOTER_RATE = "{sentence} (first words after {first_s:.1f} s, {rate:.1f} tokens/s)"
FOOTER_NOTES = "What {reader} was given: {notes}."
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
PAGE_START = "Page from (s)"
LAYOUT_NAMES = {
    "3x4+1": "3 × 4 + II",
    "3x4+3": "3 × 4 + II, V1, V5",
    "3x4": "3 × 4",
    "6x2": "6 × 2",
    "12x1": "12 × 1",
}
LAYOUT = "Layout"
SPEED = "Speed"
GAIN = "Gain"
SPEED_UNIT = "{value:g} mm/s"
GAIN_UNIT = "{value:g} mm/mV"
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
STATUS_DRAWING = "Drawing {name}…"
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
STATUS_CANCELLED = "Cancelled. What was on the page is still there."
FAULT = "An internal fault stopped this; it was logged on the server, and what was on the page is still there."
FILE_TOO_BIG = "the file is {size_mb:.0f} MB, and at most {limit_mb} MB are accepted"
FILE_TOO_BIG_REMEDY = "cut out the part to be read, or raise ECGR1_MAX_UPLOAD_MB"
NO_RECORDING = "no recording is open"
NO_RECORDING_REMEDY = "drop a file or open an example first"

# Case line
YEARS = "{value:.0f} y"
SEXES = {"F": "F", "M": "M"}
UNKNOWN_AGE = "age unknown"
UNKNOWN_SEX = "sex unknown"
LEAD_COUNT = "{count} leads"
MISSING = "not recorded: {leads}"
FLAT = "flat: {leads}"
DERIVED = "computed from the other limb leads: {leads}"
