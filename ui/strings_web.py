"""The English sentences that the pages outside Gradio share, and those of logging in; ready for translation."""

from __future__ import annotations

READ = "Read"
COMPARE = "Compare"
RATE = "Rate"
STUDIES = "Studies"
RESULTS = "Results"
PEOPLE = "People"
MAIN_PAGES = "Pages"
SKIP = "Skip to the content"
BACK = "Back"

LOG_IN = "Log in"
LOG_OUT = "Log out"
LOG_IN_NOTE = "Rating and studies need an account; reading an ECG of your own does not."
LOG_IN_NOTE_ALL = "This site needs an account."
NAME = "Log-in name"
FULL_NAME = "Full name, as signatures show it"
PASSWORD = "Password"
NEW_PASSWORD = "New password"
NEW_PASSWORD_AGAIN = "New password, again"
OLD_PASSWORD = "Present password"
PASSWORD_RULE = "At least {shortest} characters; a sentence is easiest to remember."
NOT_ALIKE = "the two are not alike"
NOT_ALIKE_REMEDY = "type both again"
CHANGE_PASSWORD = "Change password"
PASSWORD_CHANGED = "The password is changed. Log in with the new one."
PASSWORD_OLD = "Your password is too old. Choose a new one to go on."
SHOW_PASSWORD = "Show"
ACCEPT = "Choose a password"
ACCEPT_NOTE = "You were invited as {name} ({full_name})."
ACCEPT_LOST = "The invitation is unknown, used up or too old. Ask for a new one."
ACCEPTED = "The password is set. Log in with it."
SETUP = "First administrator"
SETUP_NOTE = "There is no account yet. The setup code stands in the terminal in which the program was started."
SETUP_CODE = "Setup code"
SETUP_WRONG = "it is not the one in the terminal"
SETUP_WRONG_REMEDY = "copy the code that was printed when the program started"
SETUP_DONE = "The database and its administrator are made. Log in."
SETUP_TERMINAL = "No study account yet: http://{host}:{port}/setup makes the first administrator with the code {code}."
LOGGED_OUT = "Your log-in has ended. Log in again; what was saved is kept."
LOGGED_OUT_NOW = "You are logged out."
LOGGED_OUT_HERE = (
    "You are logged out here. At {name} you may still be logged in: log out there too on a shared computer."
)
OTHER_WAYS = "Or"
LOG_IN_AT = "Log in with {name}"
PROVIDER_REFUSED = "it did not let you in, or you went back"
PROVIDER_REFUSED_REMEDY = "start again from the log-in page"
NO_PASSWORD = "You log in without a password. Whoever runs the studies can invite you again if you want to have one."
SIGNATURE = "signature"
OTHER_LOGIN = "your log-in here has changed in between"
OTHER_LOGIN_REMEDY = "go back to the page and confirm again"
CONFIRM_AT = "Confirm with {name}"
CONFIRM_NOTE = "To sign, log in there once more; you come back to this page and have five minutes to sign."
CONFIRMED = "You have confirmed who you are. Sign within five minutes."
NO_PROOF = "You have no password to sign with. Ask whoever runs the studies for a new invitation and set one."
SIGNED_IN_AS = "{name}"

NOT_DONE = "This was not done"
NO_PAGE = "There is no such page, or you may not see it."
NOT_UNDERSTOOD = "The request was not understood; load the page again."
NO_CONNECTION = "The server does not answer. Nothing is lost; try again in a moment."
NEED_LOGIN_TO_READ = "Raters of a running study cannot use the Read page, so that they stay blind."

WORDS_FOR_SCRIPTS = {
    "no_connection": NO_CONNECTION,
    "logged_out": LOGGED_OUT,
    "log_in": LOG_IN,
    "working": "Working…",
    "show": SHOW_PASSWORD,
    "hide": "Hide",
}
