"""What the packaged checkpoint learns of real corpora, and what a trial costs beside training: python -m tests.bench.goals

Needs SST-2 and UD English EWT in the folder TUNESCOPE_SHARED_DATA; about a quarter of an hour on two cores.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def rows() -> list[tuple[str, str, str]]:
    """(what, figure, asked) rows."""
    from core.lab import Lab
    from core.models.devices import quieten
    from core.settings import Settings
    from core.store.artifacts import Store

    quieten()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Store(Settings(cache=Path(folder), packs=None, device="cpu")), engine="none")
        return [*_paces(Path(folder)), *_parsers(lab), *_sst2(lab)]


def _data() -> Path:
    return Path(os.environ.get("TUNESCOPE_SHARED_DATA") or ROOT.parent / "shared" / "data")


def _paces(folder: Path) -> list[tuple[str, str, str]]:
    """Steps a second of a run here, beside those of a plain Trainer over the same batches, in turn."""
    from transformers import Trainer

    from core.analyses.fine_tune import FineTune
    from core.analyses.goals import prepared
    from core.models import tuning
    from core.models.checkpoints import locate
    from core.refs import Packaged, Sample, Suite

    run = FineTune(
        checkpoint=Packaged(), train=Sample(of=Suite(split="train"), n=960), dev=Sample(of=Suite(split="dev"), n=50),
        label="sentiment", epochs=1,
    )  # fmt: skip
    lesson, start = prepared(run).lesson, locate(Packaged())

    def plain() -> float:
        model, tokenizer = tuning._fresh(start, lesson)
        settings = tuning._arguments(lesson.recipe, folder / "plain", "cpu", 1)
        items, collate = tuning._taught(tokenizer, lesson, 128), tuning._collator(tokenizer, model)
        return _timed(Trainer(model=model, args=settings, train_dataset=items, data_collator=collate).train)

    def ours() -> float:
        model, tokenizer = tuning._fresh(start, lesson)
        items = tuning._taught(tokenizer, lesson, 128)
        told = {"keep": lambda step: None, "on_step": lambda *_: None, "on_curve": lambda _: None}
        return _timed(
            lambda: tuning._train(
                model, tokenizer, items, folder / "ours", lesson=lesson, parts=1, device="cpu", **told
            )
        )

    rounds = []
    for turn in range(4):  # whoever comes first may be slower: turn and turn about
        first, second = (plain, ours) if turn % 2 else (ours, plain)
        one, other = first(), second()
        rounds.append((one, other) if turn % 2 else (other, one))
    seconds = np.array(rounds)
    plain_pace, our_pace = lesson.recipe.n_steps / np.median(seconds, axis=0)
    return [
        ("tuning, steps of 32 sentences a second", f"{our_pace:.2f}, plain Trainer {plain_pace:.2f}", ""),
        ("tuning, ours / plain Trainer", f"{our_pace / plain_pace:.2f}", "≥ 0.95"),
    ]


def _timed(what) -> float:  # type: ignore[no-untyped-def]
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


def _parsers(lab) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    from core.analyses.fine_tune import FineTune
    from core.analyses.scoring import UAS, dull, score_of
    from core.refs import ConlluFile, Packaged, Sample, Suite

    folder = _data() / "ud_english_ewt"
    found = []
    for name, train, dev in (
        (
            "the built-in suite, 400 sentences",
            Sample(of=Suite(split="train"), n=400),
            Sample(of=Suite(split="dev"), n=500),
        ),
        (
            "UD EWT, 2,000 sentences",
            Sample(of=ConlluFile.at(folder / "en_ewt-ud-train-5k.conllu"), n=2000),
            Sample(of=ConlluFile.at(folder / "en_ewt-ud-dev.conllu"), n=500),
        ),
    ):
        spec = FineTune(
            checkpoint=Packaged(), train=train, dev=dev, label="relation", unit="word", goal="tree", epochs=3,
            learning_rate=3e-4, head_rate=5.0,
        )  # fmt: skip
        result = lab.run(spec)
        uas = result.scores()[UAS]
        chain, _ = score_of(dull(result.answers), result.labels, UAS)
        asked = "≥ 0.80" if "suite" in name else "≥ right-branching + 0.30"
        found += [
            (
                f"parser tuned on {name}, UAS",
                f"{uas.value:.3f} [{uas.low:.3f}, {uas.high:.3f}], right-branching {chain:.3f}",
                asked,
            ),
            (f"parser tuned on {name}, LAS", f"{result.score.value:.3f}", ""),
        ]
    return found


def _sst2(lab) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    from core.analyses.fine_tune import FineTune
    from core.refs import Packaged, Sample, TableFile

    folder = _data() / "sst2"
    train, dev = (
        TableFile.at(folder / f"{split}.tsv", text="1", labels=("2",), label_names=("sentiment",))
        for split in ("train", "dev")
    )
    scores = []
    for seed in range(3):
        run = FineTune(
            checkpoint=Packaged(), train=Sample(of=train, n=3000, seed=seed), dev=Sample(of=dev), label="sentiment", epochs=2,
            learning_rate=5e-5, batch_size=32, seed=seed,
        )  # fmt: skip
        scores.append(lab.run(run).score.value)
    each = ", ".join(f"{one:.3f}" for one in scores)
    return [
        (
            "SST-2, 3,000 sentences, 2 epochs, 3 seeds, dev accuracy",
            f"mean {np.mean(scores):.3f} ({each})",
            "≥ 0.83",
        )
    ]


if __name__ == "__main__":
    for what, figure, asked in rows():
        print(f"| {what} | {figure} | {asked} |")
