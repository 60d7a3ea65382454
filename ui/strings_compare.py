"""English sentences of the Compare page, ready for translation."""

from __future__ import annotations

COMPARE = "Compare"
RECORDING = "Recording"
COLUMN = "Reading {letter}"
MORE = "+ Reading"
FEWER = "− Reading"
SWAP = "Swap A and B"
SEED = "Seed of generative readers"
SEED_EMPTY = "none: most probable words"
SEED_FAULT = "{seed!r} is no whole number from 0 to {largest}"
SEED_REMEDY = "give one, or leave it empty"
STOP_ONE = "Stop {letter}"
VIEW_NAME = "{reader} · {modality}"
GONE = "{name} (not available)"

EMPTY = "Open a recording and choose two readings: another reader, or the same one looking at something else."
EMPTY_TRACE = "No recording is open. Drop its files above, choose one from the list, or begin with an example:"
EMPTY_READINGS = "The readings will stand here side by side; once they are finished, what they disagree on comes first."
HIDE_TRACE = "Hide trace"
SHOW_TRACE = "Show trace"
NOT_YET = "Press Compare to have the recording read."
WAITING = "waiting"
WRITING = "writing"
STOPPED = "stopped"
FAILED = "failed"
DONE = "{seconds:.1f} s"
NO_TEXT = "Nothing is written here."

STATUS_ASKED = "{readings} are asked…"
STATUS_WRITING = "{count} of {total} readings are finished, {seconds:.0f} s…"
STATUS_COMPARING = "All readings are there; comparing them…"
STATUS_DONE = "The readings are compared."
STATUS_DONE_ONE = "One reading is left, so that there is nothing to compare it with."
STATUS_SWAPPED = "A and B have changed places."
ASK_ON_READ = "open it on the Read page, which asks for it, and then choose it here"
NO_RECORDING = "no recording is open"
NO_RECORDING_REMEDY = "drop its files on the page or choose one"
SAME = "{letter} and {other} are the same reading"
SAME_REMEDY = "choose another reader, or let it look at something else"
NOTHING = "nothing has been compared yet"
NOTHING_REMEDY = "compare first"

REGION = "Readings compared"
AGREEMENT = "How far the readings agree"
METRIC = "Measure"
PAIR = "{left} and {right}"
METRICS = {
    "bleu4": (
        "BLEU-4",
        "Runs of up to four words that both have, 0 to 1; A is the reference. High only for the same words.",
    ),
    "rouge_l": ("ROUGE-L", "The longest series of words in the same order in both, 0 to 1."),
    "sbert": ("SBERT", "How alike the meaning of the texts is to a language model, up to 1. Does not see a denial."),
    "content_bleu4": ("BLEU-4, content", "BLEU-4 without tags and headings, which are the same in every reading."),
    "jaccard": ("Labels", "Labels of the answers in common, of all labels named, 0 to 1; synonyms are the same."),
    "eder": ("EDER, both ways", "Evidence named by one that the other names in the same step too, 0 to 1, strict."),
}
AGAINST_TRACE = "Against the trace"
EDER_FINDINGS = "EDER, findings"
EDER_FINDINGS_HELP = "Evidence phrases of what was measured in this recording that the reading says, 0 to 1, strict."
UNKNOWN = "–"
SIGNATURES = "How each number is made"
LABELS = "Labels"
IN_COMMON = "Both"
ONLY = "Only {letter}"
NO_LABELS = "none"

ORDER = "Order"
FIRST = "Disagreements first"
IN_ORDER = "In the order of the steps"
VERDICTS = {
    "contradictory": ("≠", "contradictory"),
    "only_left": ("◁", "only one side says it"),
    "only_right": ("▷", "only one side says it"),
    "partly": ("≈", "partly the same"),
    "reworded": ("~", "the same in other words"),
    "same": ("=", "the same"),
}
PART_FIGURES = "{pair}: BLEU-4 {bleu4}, ROUGE-L {rouge_l}, SBERT {sbert}"
NOTHING_SAID = "Neither says anything."

JSON = "JSON"
PDF = "PDF"
STATUS_SAVED = "The comparison of {name} is in your downloads."
STATUS_PDF = "Making the PDF of the comparison…"
PDF_TITLE = "12-lead ECG    {case}    Readings compared"
PDF_VERSION = "version {version}"
PDF_PAGE = "page {number}"
PDF_ONLY_OTHER = "Only the other"
