"""The English sentences of the rating pages, ready for translation. Nothing here tells what is rated."""

from __future__ import annotations

RATE = "Rate"
NO_STUDY = "You are not a rater in any study. An investigator names raters; ask the one who invited you."
PROGRESS = "{done} of {total}"
STATES = {
    "draft": "being prepared",
    "locked": "not started yet",
    "running": "running",
    "closed": "closed: no more readings",
    "unblinded": "finished",
}
OPEN_QUEUE = "Open"
ADJUDICATE = "Settle readings"
STUDY = "Study"
STATE = "State"
READINGS = "Readings"

CONTINUE = "Continue"
ALL_DONE = "All your readings are done. Thank you."
LEFT_IN_SITTING = "{left} left in this sitting"
WAIT = {
    "sitting": "This sitting is full, so that tiredness does not rate. The next one begins at {when}.",
    "wash-out": "The next reading shows an ECG that you have seen too recently. It is free from {when}.",
}
DONE_READINGS = "Submitted readings"
READING_NUMBER = "Reading {number}"
PRACTICE = "practice"
NOT_RATED = "not rated"
SUBMITTED_AT = "Submitted"
CHANGES = "changed {count} times"
CHANGE = "Change…"
SIGN = "Sign"
SIGN_TITLE = "Sign your ratings"
SIGN_NOTE = "I, {name}, have given these ratings myself, and they are complete. After signing nothing can be changed."
SIGNED = "You have signed your ratings."
PASSWORD = "Password"

READING = "Reading {number} of {total}"
STAGE = {1: "Your own diagnosis", 2: "Rate the readings"}
STAGE_NOTE = {
    1: "Read the ECG by yourself. No reading is shown before you submit, and your diagnosis then stays as it is.",
    2: "Rate each reading against the trace. Nothing says what wrote it.",
}
PRACTICE_NOTE = "Practice: this reading is in no analysis."
CORRECTION_NOTE = "You correct a reading that is submitted. The earlier answers are kept; say why you change them."
YEARS = "{value} years"
UNKNOWN_AGE = "age unknown"
SEXES = {"F": "female", "M": "male"}
UNKNOWN_SEX = "sex unknown"
OWN = "Your own diagnosis"
OWN_CONFIDENCE = "confidence {value}"
DIAGNOSIS = "Diagnosis"
ADD_LABEL = "Type a diagnosis, such as LBBB or atrial fibrillation"
CONFIDENCE = "How sure are you?"
COMMENT = "Comment"
COMMENT_FIELD = "Comment (optional)"
SUBMIT = {1: "Submit my diagnosis", 2: "Submit my ratings"}
SUBMIT_CORRECTION = "Submit the correction"
OUTPUT = "Reading {letter}"
STEP_RATING = "Step {number}"
SUMMARY = "Summary"
ANSWER = "Answer"
NO_ANSWER = "no labels"
LABELS_RIGHT = "The labels are right"
LABELS_CORRECT = "Correct the labels"
PHRASES = "Evidence"
PHRASE_ADD = "Add"
PHRASE_ADD_HINT = "Select words in the step, or type up to {words} words"
PHRASE_NAMED = "Add evidence to step {number} of reading {letter}"
PREFERENCE = "Which is better: {left} or {right}?"
PREFERENCES = {"left": "{left}", "tie": "tie", "right": "{right}", "both_bad": "both bad"}
SEEN_BEFORE = "I think I have seen this ECG before"
OVERALL = "Overall"
REASON = "Reason"
FLAG = "Flag…"
FLAG_TITLE = "Flag this reading"
FLAG_NOTE = "A note for the investigator; it changes no answer."
FLAG_SEND = "Send the note"
CANNOT = "Cannot rate…"
CANNOT_TITLE = "This reading cannot be rated"
CANNOT_NOTE = "The reading is then done without a rating. Say why, such as lead-off artefact in all leads."
CANNOT_SEND = "Say that it cannot be rated"
CLOSE = "Close"
QUEUE = "Back to the queue"
KEYS = "Keys"
KEY_LIST = (
    ("1–5", "Rate the item in focus, or the first one that is not rated, and go on to the next"),
    ("← →", "Change the rating of the item in focus"),
    ("Enter", "Next item"),
    ("A, B, …", "Go to that reading"),
    ("F", "Flag this reading"),
    ("?", "This sheet"),
)
KEYS_NOTE = "Keys do not work while you type, nor on the trace, which has keys of its own (? there)."

DISPUTES = "Readings to settle"
NO_DISPUTES = "No reading waits to be settled."
DISPUTE = "Reading {number} of {total}"
BECAUSE = "Raters differ: {why}"
RATINGS = "What the raters said"
RATER = "Rater {number}"
SETTLE = "Settle"
SETTLE_LABELS = "Labels that are right"
SETTLE_PHRASES = "Evidence that holds, separated by semicolons"

WORDS_FOR_SCRIPT = {
    "saved": "Saved at {time}",
    "saving": "Saving…",
    "unsaved": "Not saved: the server does not answer. Your answers stay here, and saving is tried again.",
    "logged_out": "Your log-in has ended. Log in again in a new tab; saving then goes on.",
    "log_in": "Log in",
    "missing": "{count} answers are still missing",
    "complete": "Complete",
    "accept": "Accept",
    "reject": "Reject",
    "correct": "Correct",
    "take_back": "Take back",
    "accepted": "accepted",
    "rejected": "rejected",
    "corrected": "should say: {text}",
    "added": "added",
    "remove": "Remove {label}",
    "right_words": "What should it say?",
    "none_found": "No label of the vocabulary begins with these words",
    "sent": "The note is sent.",
    "unrated": "Reading {letter}: {what}",
}
