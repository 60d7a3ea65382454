"""Errors that a user can mend, each one sentence that names the file, the fault and the remedy.

Everything that goes wrong because of what the user gave raises `InputError` or a kind of it. The shell prints its text
and exits with 2, a page shows it; anything else that is raised is a fault of ours.
"""

from __future__ import annotations

from pathlib import PurePath


class InputError(Exception):
    """Bad input, said in one sentence: *subject*: *fault*; *remedy*.

    Only the last part of a path is shown, so that a message on a page never tells where the server keeps its files.
    """

    def __init__(self, subject: str | PurePath, fault: str, remedy: str) -> None:
        self.subject = subject.name if isinstance(subject, PurePath) else subject
        self.fault = fault.rstrip(".")
        self.remedy = remedy.rstrip(".")
        super().__init__(f"{self.subject}: {self.fault}; {self.remedy}.")


class UnknownFormatError(InputError):
    """The content is none of the formats that are read."""


class DamagedFileError(InputError):
    """The format is known, but the file is truncated, altered or contradicts itself."""


class MissingPartnerError(InputError):
    """One file of a recording is there and another that belongs to it is not."""


class MissingInformationError(InputError):
    """The file does not say something that is needed; `field` names what to ask the user for."""

    def __init__(self, subject: str | PurePath, fault: str, remedy: str, field: str) -> None:
        super().__init__(subject, fault, remedy)
        self.field = field


class UnsuitableRecordingError(InputError):
    """The recording was read, but cannot be used for what was asked (too short, too long, too few leads)."""


class UnsupportedModalityError(InputError):
    """The reader cannot look at the recording in the way that was asked."""
