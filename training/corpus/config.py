"""What a corpus is made of: recordings, author, checks, pages, files. Every field says what it is; nothing is done.

The key of the author's server is no field: it is read from the environment, so that it is in no file of a run.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import Field, model_validator

from training.chat import ChatConfig
from training.media import Looks
from training.problems import OnProblem
from training.run_config import FilePath, RunConfig

Pages = Literal["none", Looks]
Part = Literal["sft", "rl", "test"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""The files of a corpus."""


class SyntheticSource(RunConfig):
    """Synthetic recordings, each of a patient of its own, as many of every kind as fit."""

    from_: Literal["synthetic"] = Field("synthetic", alias="from", description="What tells this source from a folder.")
    count: int = Field(ge=1, description="How many recordings, in turn over the kinds.")
    kinds: tuple[str, ...] = Field((), description="Kinds of `ecgr1 synthesize`; none named: all of them.")
    wander_mv: float = Field(
        0.05, ge=0, description="Most baseline wander (RMS in lead I); drawn between 0 and this for each recording."
    )
    muscle_mv: float = Field(
        0.01, ge=0, description="Most muscle noise (RMS in lead I); drawn between 0 and this for each recording."
    )
    devices: bool = Field(
        False, description="Each as another device shows it: offset, mains, filters, gain and counts of its own."
    )
    real_beats: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of them whose typical beat becomes, in part or wholly, that of a real recording of the same "
        "file, if there is one: a synthetic rhythm of a real heart.",
    )


class FolderSource(RunConfig):
    """Real recordings in a folder, in any format that is read, with a table of them where patients are not by file."""

    from_: Literal["folder"] = Field("folder", alias="from", description="What tells this source from synthetic ones.")
    folder: FilePath = Field(description="Folder of recordings; looked through with the folders in it.")
    table: FilePath | None = Field(
        None,
        description="CSV with a line for each recording, such as ptbxl_database.csv; columns age and sex are read too. "
        "Without it every recording in the folder is taken, and each is a patient of its own.",
    )
    record_column: str = Field("filename_hr", description="Column with the path of the recording in the folder.")
    patient_column: str = Field("patient_id", description="Column with the pseudonym of the patient.")
    label_column: str | None = Field(
        None,
        description="Column with what is known of the recording: codes or names of the vocabulary separated by "
        "semicolons, or PTB-XL's {code: likelihood}; unset: nothing is known.",
    )
    part_column: str | None = Field(
        None,
        description="Column with the file that the patient goes to, sft, rl or test; unset or empty: by the shares.",
    )
    counts_column: str | None = Field(
        None,
        description="Column with the counts of a millivolt, for recordings whose own gain is not to be trusted; their "
        "corrected copies are written to ecg/.",
    )
    hash_column: str | None = Field(
        None,
        description="Column with the SHA-256 of the recording's files, header first; others are left out as problems.",
    )
    limit: int | None = Field(None, ge=1, description="At most so many recordings, drawn with the seed; unset: all.")
    versions: int = Field(
        1,
        ge=1,
        description="How many are made of each recording: itself, and others of it in changed time, size and noise. Of "
        "patients in test.jsonl it is itself alone.",
    )
    versions_column: str | None = Field(
        None, description="Column with how many are made of that recording instead; unset or empty: `versions`."
    )


Source = Annotated[SyntheticSource | FolderSource, Field(discriminator="from_")]


class ProtocolAuthoring(RunConfig):
    """The texts are the protocol reader's, worded anew for each recording."""

    by: Literal["protocol"] = Field("protocol", description="What tells this author from a language model.")
    attempts: int = Field(
        4, ge=1, description="Wordings tried until one passes the check; the last one is the canonical wording."
    )
    sentences: int | None = Field(
        None, ge=1, description="Most sentences of a step, its first ones, for small models; unset: all."
    )
    brief: bool = Field(
        False,
        description="Whether the text is a short reading of one wording instead: rate, intervals, axis, what is "
        "abnormal and what is not; for models of a few million parameters.",
    )


class LlmAuthoring(ChatConfig):
    """The texts are a language model's, from measurements and protocol; its key is ECGR1_AUTHOR_API_KEY."""

    url_place: ClassVar[str] = "author.url"
    key_place: ClassVar[str] = "ECGR1_AUTHOR_API_KEY"

    by: Literal["llm"] = Field("llm", description="What tells this author from the protocol.")
    url: str = Field("https://api.deepseek.com/v1", description="Address of an OpenAI-compatible server.")
    model: str = Field("deepseek-chat", description="Name by which that server knows the model.")
    temperature: float | None = Field(0.7, ge=0, description="Temperature; null leaves the server its own.")
    attempts: int = Field(2, ge=1, description="How often a text is asked for until one passes the check.")
    evidence: Literal["findings", "llm"] = Field(
        "llm",
        description="Who picks the evidence phrases: the model by a second question, or the protocol's findings.",
    )
    answers: FilePath | None = Field(
        None,
        description="Folder in which every answer is kept by the content of its question, so that none is paid twice; "
        "unset: the folder answers in `out`.",
    )


Authoring = Annotated[ProtocolAuthoring | LlmAuthoring, Field(discriminator="by")]


class Shares(RunConfig):
    """How many of the patients go to which file, in proportion."""

    sft: float = Field(0.7, ge=0, description="Part of the patients in sft.jsonl.")
    rl: float = Field(0.2, ge=0, description="Part of the patients in rl.jsonl.")
    test: float = Field(0.1, ge=0, description="Part of the patients in test.jsonl.")

    @model_validator(mode="after")
    def _some(self) -> Shares:
        if self.sft + self.rl + self.test <= 0:
            raise ValueError("one of the shares must be above 0")
        return self


class CorpusConfig(RunConfig):
    """One corpus."""

    out: FilePath = Field(description="Folder to write to; a run that was broken off goes on in the same one.")
    seed: int = Field(
        0, ge=0, description="Seed of all that is drawn: recordings, wordings, looks of pages, the split."
    )
    sources: tuple[Source, ...] = Field((), description="Where the recordings come from, one after the other.")
    author: Authoring = Field(ProtocolAuthoring(), description="Who writes the texts.")
    require_known: bool = Field(
        False, description="Whether a text is rejected that does not name every label known of its recording."
    )
    pages: Pages = Field(
        "none",
        description="Page images: none (drawn at training), plain, varied looks, mixed (half of them plain), or varied "
        "and worn as scanned or photographed.",
    )
    page_pixels: int | None = Field(
        None, ge=10_000, description="Pixels of a page at most; larger ones are shrunk before writing. Unset: any."
    )
    shares: Shares = Field(Shares(), description="How the patients are split.")
    held_out: tuple[FilePath, ...] = Field(
        (), description="Files of rows whose patients must be in none of ours; such a patient is an error."
    )
    without: FilePath | None = Field(
        None, description="File of pseudonyms, one a line, whose recordings are left out without an error."
    )
    ratings: tuple[FilePath, ...] = Field(
        (), description="The manifest.json of each RL export of a reader study whose rows are added to rl.jsonl."
    )
    jobs: int = Field(1, ge=1, description="Processes that read, draw and measure recordings.")
    on_problem: OnProblem = Field(
        "skip", description="What a recording that cannot be used is: skipped and counted, or the end of the run."
    )
