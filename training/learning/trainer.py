"""transformers' Trainer as runs of this room use it.

Rows come in the order of a plan, checkpoints hold what learns and are whole or not there, and logs go to metrics.jsonl
and TensorBoard. It knows nothing of losses, of files of rows, or of saving the finished model.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import Sampler, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ecgr1_core.errors import InputError
from training.learning.checkpoints import keep_latest, written_whole
from training.learning.config import LearningConfig
from training.problems import Problems

_LEARNED: Final = "learned.safetensors"
_SCHEDULES: Final = {"constant": "constant_with_warmup"}
_log = logging.getLogger(__name__)


def arguments_of(config: LearningConfig, steps: int, *, test: bool, gradient_checkpointing: bool) -> TrainingArguments:
    """Return the Trainer's arguments of a run of `steps` steps."""
    return TrainingArguments(
        output_dir=str(config.out),
        seed=config.seed,
        max_steps=steps,
        per_device_train_batch_size=config.batch_rows,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        warmup_steps=int(config.warmup * steps),
        lr_scheduler_type=_SCHEDULES.get(config.schedule, config.schedule),
        weight_decay=config.weight_decay,
        max_grad_norm=config.clip,
        bf16=config.bf16,
        use_cpu=config.cpu,
        activation_checkpointing=gradient_checkpointing,
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        save_steps=config.save_every,
        eval_strategy="steps" if test else "no",
        eval_steps=config.test_every,
        dataloader_num_workers=config.workers,
        dataloader_pin_memory=not config.cpu and torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=[],
    )


class RunLog(TrainerCallback):  # type: ignore[misc]
    """Writes what is logged to metrics.jsonl and to TensorBoard, on the main process.

    A run that goes on from a checkpoint takes out what was logged after it.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.board = folder / "metrics.jsonl", folder / "tensorboard"
        self.writer: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Open the logs at the step the run begins with."""
        if not state.is_world_process_zero:
            return
        from torch.utils.tensorboard import SummaryWriter

        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= state.global_step]
        self.path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self.writer = SummaryWriter(str(self.board), purge_step=state.global_step + 1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_kw: Any) -> None:
        """Write one line, and one point of each curve."""
        if self.writer is None or not logs:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")
            for name, value in logs.items():
                if isinstance(value, int | float):
                    self.writer.add_scalar(name, value, state.global_step)
            self.writer.flush()
        except OSError as error:
            remedy = "free disk space and run the command again, which goes on from the last checkpoint"
            raise InputError(self.path, f"cannot be written ({error.strerror})", remedy) from error
        told = ", ".join(f"{name} {value:.4g}" for name, value in logs.items() if isinstance(value, int | float))
        _log.info("step %d of %d: %s", state.global_step, state.max_steps, told)

    def on_train_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Close the curves."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None


class RunTrainer(Trainer):  # type: ignore[misc]
    """The Trainer with a planned order, whole checkpoints of what learns, and problems of rows taken note of.

    `rows` is how many rows make an epoch.
    """

    def __init__(self, *, config: LearningConfig, rows: int, problems: Problems, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)
        self.add_callback(RunLog(config.out))
        self.run_config, self.problems = config, problems
        self.row_count = rows
        self.model_accepts_loss_kwargs = True  # the loss is a mean over the tokens of all passes of a step
        self.checkpoints = config.out / "checkpoints"
        self._noted: set[Any] = set()
        self._writing = self.checkpoints

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)

    def note(self, problems: Sequence[Any]) -> None:
        """Take note of each problem once; InputError where the run is to stop at one."""
        for kind, subject, fault, remedy in problems:
            if (kind, subject, fault) not in self._noted:
                self._noted.add((kind, subject, fault))
                self.problems.note(kind, InputError(subject, fault, remedy))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with epochs told in passes over the rows; InputError where the loss is no number any more."""
        if "total_flos" in logs:
            return  # the Trainer's own summary: `run` tells more
        if not math.isfinite(logs.get("loss", 0.0)):
            raise InputError(
                f"step {self.state.global_step}", "the loss is no longer a finite number", "lower learning_rate"
            )
        rows = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self.state.epoch = self.state.global_step * rows / self.row_count
        super().log(logs, start_time)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._writing)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        target = self.checkpoints / f"checkpoint-{self.state.global_step}"
        with written_whole(target, main=self.args.should_save, wait=self.accelerator.wait_for_everyone) as beside:
            self._writing = beside.parent
            super()._save_checkpoint(model, trial)
        if self.args.should_save:
            keep_latest(self.checkpoints, self.run_config.keep_checkpoints)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        assert output_dir is not None
        held = dict(self.model.named_parameters()) if state_dict is None else state_dict
        learned = [name for name, parameter in self.model.named_parameters() if parameter.requires_grad]
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        save_file({name: held[name].detach().cpu().contiguous() for name in learned}, Path(output_dir, _LEARNED))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        parameters = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in load_file(Path(resume_from_checkpoint, _LEARNED)).items():
                parameters[name].copy_(value)
