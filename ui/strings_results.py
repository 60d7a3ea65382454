"""The English sentences of the results pages, ready for translation."""

from __future__ import annotations

RESULTS = "Results"
NONE = "No study of yours has results yet. They can be seen by its investigators and auditors once it is unblinded."
STUDY = "Study"
STATE = "State"
STATES = {
    "draft": "being built: lock it first",
    "locked": "locked: start it, let raters read",
    "running": "running: close it when the reading is done",
    "closed": "closed: settle what raters differ about, then unblind it",
    "unblinded": "unblinded",
}
OPEN = "Open"
COMPUTING = "Computing: {done} of {total} parts. What is done is shown; the page refreshes itself."
FAILED = "Stopped: {error}"
SIZES = (
    "{raters} raters, {cases} cases, {arms} arms, {ratings} ratings; {duplicates} hidden duplicates and {practice} "
    "practice readings apart; {not_rated} not rated"
)
PROGRESS = "Progress"
RATER = "Rater"
SITE = "Site"
READINGS = "Readings"
NOT_RATED = "Not rated"
FLAGS = "Flags"
LAST = "Last answer"
CRITERION = "Criterion"
CRITERION_CHOOSE = "Show the criterion"
ARM = "Arm"
MEAN = "Mean"
INTERVAL = "95 % interval"
N_RATINGS = "Ratings"
N_CASES = "Cases"
BY_RATER = "By rater"
MEANS = "Means of arms"
MEANS_NOTE = "Percentile interval from cases drawn with replacement (Davison & Hinkley 1997)."
DIFFERENCES = "Differences of arms"
DIFFERENCES_NOTE = (
    "Mixed model: case, rater and their product random, Wald. MRMC: analysis of variance after Dorfman, Berbaum & Metz "
    "1992 with the degrees of freedom of Hillis 2007; raters and cases are random. Bootstrap: cases drawn, same "
    "raters. There is no correction for testing many criteria: the primary one was named before."
)
PAIR = "Pair"
METHOD = "Method"
DIFFERENCE = "Difference"
P = "p"
NOTE = "Note"
PREFERENCES = "Preferences"
PREFERENCES_NOTE = "Bradley–Terry with ties after Davidson 1970; both bad counts as a tie. Mean log strength is 0."
LOG_STRENGTH = "Log strength"
WIN_RATE = "Win rate"
WINS = "Won"
TIES = "Tied"
LOSSES = "Lost"
BOTH_BAD = "Both bad"
AGREEMENT = "Agreement between raters"
INTRA = "Agreement of raters with themselves (hidden duplicates)"
INTRA_NONE = "No duplicate of this criterion was rated twice."
INTRA_PAIRS = "{pairs} pairs, {same:.0%} the same"
COEFFICIENT = "Coefficient"
VALUE = "Value"
UNITS = "n"
COEFFICIENTS = {
    "cohen_kappa": "Cohen's kappa, weighted",
    "fleiss_kappa": "Fleiss' kappa",
    "weighted_kappa": "kappa, weighted",
    "gwet_ac1": "Gwet's AC1",
    "gwet_ac2": "Gwet's AC2",
    "krippendorff_alpha": "Krippendorff's alpha",
    "icc_2_1": "ICC(2,1)",
    "icc_3_1": "ICC(3,1)",
}
DIAGNOSIS = "Own diagnosis"
DIAGNOSIS_TEXT = (
    "Jaccard index with the reference labels {value} ({low} to {high}, {n} cases); mean confidence {confidence}"
)
TIME = "Time"
TIME_TEXT = "{stage}: mean {mean} s ({low} to {high}), median {median} s, {readings} readings"
STAGES = {"stage_one": "Own diagnosis", "stage_two": "Rating"}
AUTOMATIC = "Against automatic scores"
AUTOMATIC_NOTE = "Spearman's correlation with raters' means over readings; interval from cases drawn with replacement."
AUTOMATIC_FILE = "Automatic scores (CSV with the columns case, arm, and scores such as an LLM judge's)"
AUTOMATIC_SEND = "Set beside"
SCORE = "Score"
SPEARMAN = "Spearman"
FIGURES = "Figures"
FIGURE_NAMES = {
    "means": "Ratings by arm",
    "differences": "Differences between arms",
    "preferences": "Preferences",
    "agreement": "Agreement between raters",
    "time": "Time",
}
EXPORT = "Export"
EXPORT_KINDS = {
    "everything": "All tables (CSV, Parquet) with data dictionary",
    "imrmc": "iMRMC",
    "evaluation": "Evaluation: human beside automatic scores",
    "rl": "RL rows in the published layout",
    "preferences": "Preference pairs",
}
EXPORT_KIND = "What"
EXPORT_TRUTH = "iMRMC: label that makes a case positive"
EXPORT_CRITERION = "iMRMC, RL: criterion"
EXPORT_LOW = "RL: low rated is this or less"
EXPORT_QUOTAS = "RL: most rows of a rule, such as low_rated=100, one a line"
EXPORT_WITHOUT = "Patients that must not be exported (a file with one pseudonym a line)"
EXPORT_SEND = "Download"
UNKNOWN = "–"
