"""The English sentences of the pages of people and studies, ready for translation."""

from __future__ import annotations

PEOPLE = "People"
PERSON = "Name"
STATE = "State"
ACCOUNT_STATES = {
    "invited": "invited",
    "expired": "invitation too old",
    "active": "active",
    "locked": "locked out for now",
    "closed": "closed",
}
ADMINISTRATOR = "administrator"
INVITE = "Invite"
INVITE_TITLE = "Invite somebody"
LOGIN_NAME = "Log-in name"
FULL_NAME = "Full name, as signatures show it"
AS_ADMINISTRATOR = "May invite people and make studies (administrator)"
INVITE_AGAIN = "Invite again"
CLOSE_ACCOUNT = "Close"
REASON = "Reason"
LINK_TITLE = "Invitation of {name}"
LINK_NOTE = "Send this link to the person. It is shown only now, holds for {days:g} days and can be used once."
LINK_COPY = "Copy"
LINK_COPIED = "Copied"

STUDIES = "Studies"
NO_STUDIES = "You take part in no study as investigator or auditor."
NEW_STUDY = "New study"
STUDY_NAME = "Name"
STUDY_TITLE = "Title (raters see it)"
INVESTIGATOR = "Investigator (log-in name)"
MAKE = "Make the study"
ROLE = "Role"
ROLES = {"investigator": "investigator", "rater": "rater", "auditor": "auditor"}
SIZE = "Size"
SIZES = "{cases} cases, {practice_cases} practice, {arms} arms, {raters} raters"
STATES = {
    "draft": "being built",
    "locked": "locked",
    "running": "running",
    "closed": "closed",
    "unblinded": "unblinded",
}
STEPS = (
    ("cases", "1 Recordings"),
    ("arms", "2 Arms"),
    ("outputs", "3 Readings"),
    ("rubric", "4 Rubric"),
    ("people", "5 Who reads"),
    ("design", "6 Design"),
    ("lock", "7 Dry run and lock"),
)
DONE = "done"
TO_DO = "to do"
OVERVIEW = "Overview"
AUDIT = "Audit trail"
FROZEN = "The study is locked: nothing here can be changed."

CASES_NOTE = (
    "Drop the files of recordings (.hea with .dat or .mat, .zip, .csv, .dcm, XML of carts, SCP-ECG, EDF, MFER, ISHNE). "
    "Each gets a case; a table can name patients and labels. Patients whom their files name get pseudonyms; give "
    "others the same pseudonym everywhere, so that patients can be kept apart."
)
CASE_FILES = "Files of recordings"
CASE_TABLE = "Table (CSV with the columns path, name, patient, practice, labels), optional"
CASE_PRACTICE = "These are practice cases (without a table)"
ADD_CASES = "Add"
CASE = "Case"
PATIENT = "Patient"
LABELS = "Reference labels"
PRACTICE = "practice"
REMOVE = "Remove"
LENGTH_TITLE = "Length"
LENGTH = "{seconds:g} s"
NO_FILES = "there are no files"
NO_FILES_REMEDY = "choose the files of one recording or more"

ARM = "Arm"
ARM_NAME = "Name of the arm (raters never see it)"
READER = "Reader"
MODALITY = "It sees"
VERSION = "Version (empty: the reader's own)"
PRECISION = "Precision of the weights (models only)"
VERSION_TITLE = "Version"
PRECISION_TITLE = "Precision"
ADD_ARM = "Add the arm"
ARMS_NOTE = (
    "An arm is one way of making readings: reader, what it sees, version, precision. Every arm reads every case."
)
ELSEWHERE = "Another reader, whose readings are imported"
READER_NAME = "Name of a reader that is not in the list"

OUTPUTS_NOTE = "Readings are made before the lock, so that neither waiting nor chance tells raters anything."
MADE = "{made} of {wanted} readings are there"
GENERATE = "Let the arms read what is missing"
STOP = "Stop"
GENERATING = "Reading: {done} of {total}, {rate:.1f} per minute"
GENERATED = "All readings are made."
STOPPED = "Stopped after {done} readings; what is made is kept."
FAILED = "Stopped: {error}"
IMPORT_TITLE = "Readings made elsewhere"
IMPORT = "File of readings (JSON lines with case, arm, text)"
IMPORT_ARM = "Arm of all rows that name none"
IMPORT_SEND = "Import"
FLAGGED = "Readings with words that may give an arm away"
FLAGGED_NONE = "No reading waits for a decision."
MASK = "Mask the words"
ACCEPT = "Leave as it is"
MASK_ALL = "Mask all"
ACCEPT_ALL = "Leave all as they are"

RUBRIC_NOTE = "What raters are asked. The default is after the ECG-R1 paper; change a copy of it and give it here."
RUBRIC_FILE = "Rubric (YAML)"
RUBRIC_SET = "Use this rubric"
RUBRIC_DOWNLOAD = "Download the present rubric"
SCALE = "Scale"
QUESTION = "Question"
ANSWERS = "Answers"
REQUIRED = "required"

PEOPLE_NOTE = (
    "Raters read; adjudicators settle where raters differ and get no readings of their own; auditors see the audit "
    "trail."
)
SITE = "Site"
ADJUDICATES = "settles disputes"
ADJUDICATOR = "Adjudicator (as blind as a rater)"
ADD_PERSON = "Give the role"
PERSON_FIELD = "Log-in name"
WITHDRAWN = "withdrawn"
WITHDRAW = "Withdraw"

DESIGN_NOTE = "How readings are spread over raters. Defaults suit a first study."
DESIGN_SET = "Keep the design"
DESIGN_LABELS = {
    "seed": "Seed of everything that is drawn",
    "stages": "Stages",
    "allocation": "Who reads what",
    "raters_per_case": "Raters a case (k of n)",
    "blocks": "Blocks (blocks)",
    "shown_together": "Readings side by side (empty: all arms)",
    "every_combination": "Each rater sees every combination of arms",
    "duplicate_share": "Share of hidden duplicates",
    "duplicate_gap": "Fewest readings between a case and its duplicate",
    "washout_days": "Wash-out, days",
    "sitting_cap": "Most readings in a sitting (empty: no cap)",
    "sitting_pause_minutes": "Pause that begins a new sitting, minutes",
    "idle_limit_s": "Longest gap that counts as activity, s",
    "screening": "Words that give an arm away",
}
CHOICES = {
    "stages": ((2, "two: own diagnosis first"), (1, "one: readings at once")),
    "allocation": (
        ("fully_crossed", "every rater reads every case"),
        ("k_of_n", "k raters a case"),
        ("blocks", "groups of raters, own blocks of cases"),
    ),
    "screening": (("mask", "mask where there is a neutral word"), ("flag", "leave every one to a person")),
}

BALANCE = "Plan that the lock would draw"
BALANCE_COLUMNS = {
    "rater": "Rater",
    "readings": "Readings",
    "cases": "Cases",
    "duplicates": "Duplicates",
    "practice": "Practice",
}
NOT_YET = "The plan cannot be drawn yet: {why}"
POWER = "Power by simulation"
POWER_NOTE = "How often a study of this size would find the difference, for two arms and fully crossed reading."
POWER_DIFFERENCE = "Difference between arms, points"
POWER_FIELDS = {
    "sd_case": "Cases",
    "sd_rater": "Raters",
    "sd_rater_arm": "Rater × arm",
    "sd_case_arm": "Case × arm",
    "sd_rest": "Rest",
}
POWER_RUN = "Simulate"
POWER_FOUND = "Power {power:.0%} (± {error:.1%} of simulation) with {raters} raters and {cases} cases, alpha {alpha:g}"
POWER_ASSUMED = "Standard deviations assumed, in points of the scale:"
LOCK = "Lock"
LOCK_TITLE = "Lock the study"
LOCK_NOTE = (
    "Design, rubric, people, cases, arms, readings and plan are frozen for good. Type the study's name to lock it."
)
LOCK_WRONG = "it is not the name of this study"
LOCK_WRONG_REMEDY = "type the name exactly"
LOCK_HASH = "Hash of all that is frozen"

PROGRESS = "Progress"
RATER = "Rater"
READINGS_DONE = "Done"
FLAGS = "Flags"
CANNOT = "Not rated"
LAST = "Last answer"
MATRIX = "Raters and cases"
MATRIX_SIGNS = {"done": "✓", "open": "…", "todo": "·", "cannot": "–", "flag": "⚑"}
MATRIX_LEGEND = "✓ done   … opened   · to do   – cannot be rated   ⚑ flagged"
NOTES = "Notes of raters"
START = "Start: let raters begin"
CLOSE_STUDY = "Close: end the reading"
CLOSE_NOW = "Close"
UNBLIND_NOW = "Unblind"
UNBLIND = "Unblind: show which arm wrote what, for good"
UNSETTLED = "{count} readings wait for an adjudicator."
UNSETTLED_OK = "They may stay unsettled"
SIGN = "Sign"
MEANING = "What the signature means"
PASSWORD = "Password"
SIGNATURES = "Signatures"
SIGNED = "{name}: {meaning}, {when}"
RESULTS = "Results"

EVENTS = "{count} events. End of the chain, to be noted elsewhere:"
EVENT_NUMBER = "No."
EVENT_TIME = "Time (UTC)"
EVENT_WHO = "Who"
EVENT_WHAT = "What"
EVENT_ABOUT = "About"
EVENT_MORE = "Details"
VERIFY = "Verify now"
VERIFIED = "Intact: {events} events and {revisions} answers agree with their hashes."
BROKEN = "Not intact: {fault}"
DOWNLOAD = "Download (JSON lines)"
OLDER = "Older"
KIND = "Only events that begin with"
