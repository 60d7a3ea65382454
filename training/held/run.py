"""Towers and model taught from configuration to checkpoint, with all rows on the accelerator: `run_held`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.model.processing import SAMPLING_RATE_HZ
from training.freezing import Lora
from training.held.config import HeldConfig, Stage
from training.imd import PRESETS
from training.learning.checkpoints import written_whole
from training.learning.rows import require_apart, usable_rows
from training.learning.run import require_same, write_config
from training.media import media_beside
from training.problems import Problems
from training.rows import Row

if TYPE_CHECKING:
    from training.held.examples import Example
    from training.held.rows import HeldRows
    from training.targets import Taught
    from training.tower.weights import Tower

_log = logging.getLogger(__name__)
_MAY_CHANGE: Final = {"save_every_s", "jobs"}


def run_held(config: HeldConfig) -> dict[str, Any]:
    """Teach both towers and then the model, and return a summary: rows, steps, seconds and last losses of each stage.

    The folder `out` gets tower.safetensors, vision.safetensors, the models, metrics.jsonl and curves.json. Where models
    are averaged the summary says which weights were kept, and the loss of each; those learned are in `model_learned`
    too. Raises InputError for rows, a model or a device that cannot be used, and where the folder holds another run.
    """
    import torch

    from ecgr1_core.model.packed import matmul_dtype
    from ecgr1_core.model.processing import EcgR1Processor
    from training.freezing import apply_parts, load_for_training
    from training.held.averaging import keep_best
    from training.held.learning import (
        Kept,
        mean_loss,
        optimise,
        sft_check,
        sft_step,
        token_weights,
        tower_check,
        tower_learner,
        tower_step,
        vision_step,
    )
    from training.held.on_cpu import keep_freed_memory, quick_attention
    from training.held.rows import pages_of_one_size
    from training.sft.saving import save_whole
    from training.targets import scales
    from training.tower.weights import load_towers, save_tower

    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device", "there is no GPU that torch can use", "give device cpu, or train stage by stage")
    if config.device == "cpu":
        keep_freed_memory()
    bf16 = config.bf16 and (config.device == "cuda" or matmul_dtype() == torch.bfloat16)
    if bf16 != config.bf16:
        _log.info("this CPU is slower in bf16: computing in float32")
    began = time.monotonic()
    out = config.out
    summary, curves = _opened(config)
    problems = Problems("skip", out / "problems.jsonl")
    rows, examples, taught = _all_ready(config, problems)
    scale = scales(taught.numbers)
    data = _held(config, rows, examples, taught, scale, learned=True)
    fresh = _fresh(config, scale) if config.fresh and config.tower.runs and "tower" not in summary else None
    check = None
    if config.check is not None:
        kept_apart = _ready(config, config.check, "measured-check.npz", problems, config.check_rows)
        require_apart(rows, kept_apart[0], config.check)
        check = _held(config, *kept_apart, scale, learned=False)
    summary |= {"rows": len(data), "problems": dict(problems.counts), "ready_s": round(time.monotonic() - began, 1)}
    _log.info("%d rows held after %.0f s; %s", len(data), summary["ready_s"], problems.sentence())

    model, processor = load_for_training(config.model), EcgR1Processor.from_pretrained(config.model)
    load_towers(model.model, {"ecg_tower": config.ecg_tower, "vision_tower": config.vision_tower})
    pad_id, masks = processor.tokenizer.pad_token_id, model.config.ecg_mask_padding
    answers = [one.tokens["signal"].ids[-one.tokens["signal"].answer :] for one in examples]
    tokens = model.config.text_config.vocab_size
    weights = token_weights(
        processor.tokenizer, tokens, answers, digits=config.digits, rare=config.rare, device=config.device
    )
    towers: dict[Tower, Path] = {"ecg_tower": out / "tower.safetensors", "vision_tower": out / "vision.safetensors"}

    def check_by(told: Callable[..., dict[str, float]], *given: Any, **options: Any) -> Callable[[], dict[str, float]]:
        def looked() -> dict[str, float]:
            # In an autocast context of its own: one remembers the weights that it cast first.
            with torch.autocast(config.device, torch.bfloat16, enabled=bf16):
                return told(*given, **options)

        return looked

    def learn(
        name: str, one: Any, step: Callable[[], Any], save: Callable[[], None], check_of: Callable[[], Any] | None
    ) -> None:
        stage: Stage = getattr(config, name)
        path = out / f"{name}.state.pt"
        lines = curves.setdefault(name, [])
        learning = optimise(
            one,
            step,
            stage,
            device=config.device,
            bf16=bf16,
            every=config.log_every,
            kept=Kept(path, config.save_every_s, [rows for rows in (data, fresh) if rows is not None]),
        )
        for line in learning if stage.runs else ():
            line |= {} if check_of is None else check_of()
            lines.append(line)
            _log.info("%s: %s", name, ", ".join(f"{key} {value:.4g}" for key, value in line.items()))
            _written(out / "curves.json", curves)
        save()
        summary[name] = lines[-1] if lines else None
        _written(out / "summary.json", summary)
        path.unlink(missing_ok=True)

    with pages_of_one_size(), quick_attention(config.device):
        if "tower" not in summary:
            tower = tower_learner(model.model, "tower", config.device, config.seed)
            looked = None if check is None else check_by(tower_check, tower, check, scale[1], mask_padding=masks)
            changes = {"stretched": config.stretched, "hidden": config.hidden}
            parts = [(data, config.tower.batch_rows)]
            if fresh is not None:
                new = round(config.fresh_share * config.tower.batch_rows)
                parts = [(data, config.tower.batch_rows - new), (fresh, new)]
            step = partial(tower_step, tower, parts, mask_padding=masks, **changes)
            learn("tower", tower, step, partial(save_tower, tower.encoder.tower, towers["ecg_tower"]), looked)
            del tower, parts
            fresh = None
        if "vision" not in summary:
            vision = tower_learner(model.model, "vision", config.device, config.seed)
            step = partial(vision_step, vision, data, config.vision.batch_rows)
            learn("vision", vision, step, partial(save_tower, vision.encoder.tower, towers["vision_tower"]), None)
            del vision
        del model
        for name, folder, q in (("sft", "model", config.q), ("without_imd", "model_without_imd", PRESETS["none"])):
            stage: Stage = getattr(config, name)
            if not stage.runs or name in summary:
                continue
            model = load_for_training(config.model)
            load_towers(model.model, towers)
            model = apply_parts(model, config.parts, Lora(), seed=config.seed).to(config.device)

            looked = None if check is None else check_by(sft_check, model, check, q, pad_id, weights)

            def write(model: Any, folder: str) -> None:
                with written_whole(out / folder) as beside:
                    save_whole(model, model.state_dict(), processor, config.model, beside, "bf16", towers)

            def save(
                model: Any = model, name: str = name, folder: str = folder, q: Any = q, looked: Any = looked
            ) -> None:
                model.config.trained_modalities = None if config.needs_pages else ["signal"]
                if config.average:
                    write(model, f"{folder}_learned")
                    chosen = keep_best(
                        model, load_for_training(config.model).state_dict(), lambda: mean_loss(looked(), q)
                    )
                    _log.info("%s: of %s, %s is kept", name, chosen.losses, chosen.kept)
                    summary[f"{name}_average"] = chosen._asdict()
                write(model.to("cpu"), folder)
                summary[folder] = str(out / folder)

            step = partial(sft_step, model, data, stage.batch_rows, q, pad_id, weights)
            learn(name, model, step, save, looked)
    if curves.get("sft"):
        text = "".join(json.dumps(line) + "\n" for line in curves["sft"])
        (out / "metrics.jsonl").write_text(text, encoding="utf-8")
    return summary


def _all_ready(config: HeldConfig, problems: Problems) -> tuple[list[Row], list[Example], Taught]:
    """Return the rows of all files to learn from, one file after the other; see `_ready`."""
    from training.targets import Taught

    rows: list[Row] = []
    made: list[Example] = []
    taught: list[Taught] = []
    for number, path in enumerate(config.train_files):
        found = _ready(config, path, f"measured{number or ''}.npz", problems)
        rows += found[0]
        made += found[1]
        taught.append(found[2])
    numbers, beats = (np.concatenate([getattr(one, name) for one in taught]) for name in ("numbers", "beats"))
    return rows, made, Taught(numbers, beats)


def _ready(
    config: HeldConfig, path: Path, kept: str, problems: Problems, most: int | None = None
) -> tuple[list[Row], list[Example], Taught]:
    """Return the rows of a file that can be used, ready, with what is taught; `most` of them where these are apart.

    Raises InputError where there is none.
    """
    from training.held.examples import examples
    from training.targets import beside_rows, measured_rows

    media = media_beside(path, draw_missing=True)
    usable = usable_rows(path, media, problems, held_out=most is not None)
    if most is not None and most < len(usable):
        chosen = np.random.default_rng(config.seed).choice(len(usable), most, replace=False)
        usable = [usable[place] for place in sorted(chosen)]
    found: list[tuple[Row, Example]] = []
    for row, made in examples(usable, config.model, media, config.jobs, with_pages=config.needs_pages):
        if isinstance(made, tuple):
            problems.note(made[0], InputError(*made[1:]))
        else:
            found.append((row, made))
    if not found:
        raise InputError(path, "holds no row that can be used", f"mend its rows: {problems.sentence()}")
    rows = [row for row, _ in found]
    taught = measured_rows(rows, media, config.out / kept, config.jobs, beside_rows(path))
    return rows, [made for _, made in found], taught


def _fresh(config: HeldConfig, scale: tuple[Any, Any]) -> HeldRows:
    """Return synthetic recordings for the ECG tower, disturbed and shifted as the rows are."""
    from training.held.fresh import fresh_examples
    from training.held.rows import HeldRows

    return HeldRows(*fresh_examples(config.fresh, config.seed, config.jobs), scale, **_seen(config, learned=True))


def _held(
    config: HeldConfig, rows: list[Row], made: list[Example], taught: Taught, scale: tuple[Any, Any], *, learned: bool
) -> HeldRows:
    """Return the rows held, disturbed and shifted where they are learned from."""
    from training.held.rows import HeldRows
    from training.targets import label_row

    return HeldRows(made, taught, np.stack([label_row(row) for row in rows]), scale, **_seen(config, learned=learned))


def _seen(config: HeldConfig, *, learned: bool) -> dict[str, Any]:
    """Return where rows are held and how they are changed."""
    return {
        "device": config.device,
        "seed": config.seed,
        "disturbance": config.disturbance,
        "share": config.disturbed if learned else 0.0,
        "shifted": round(config.shifted_s * SAMPLING_RATE_HZ) if learned else 0,
    }


def _opened(config: HeldConfig) -> tuple[dict[str, Any], dict[str, list[dict[str, float]]]]:
    """Return summary and curves of the stages that a run in the folder has done; InputError where it was another."""
    told = json.loads(config.model_dump_json())
    require_same(config.out, told, _MAY_CHANGE)
    write_config(config.out, told)
    found = []
    for name in ("summary.json", "curves.json"):
        kept = config.out / name
        found.append(json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {})
    return found[0], found[1]


def _written(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
