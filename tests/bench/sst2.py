"""What fine-tuning on SST-2 does to the packaged checkpoint, as the table in the README: python -m tests.bench.sst2

Needs SST-2 (Socher et al. 2013) as tab-separated files `sst2/train.tsv` and `sst2/dev.tsv`, sentence then label, in the
folder TUNESCOPE_SHARED_DATA. Results go through the usual cache, so that the app shows the same ones afterwards.
"""

import os
import time
from pathlib import Path

from core.analyses.crowding import Crowding
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.weight_change import WeightChange
from core.lab import Lab
from core.models.devices import quieten
from core.refs import Packaged, Sample, TableFile

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Tune on 3,000 sentences, compare on the dev sentences, print the table."""
    quieten()
    folder = Path(os.environ.get("TUNESCOPE_SHARED_DATA") or ROOT.parent / "shared" / "data") / "sst2"
    train, dev = (
        TableFile.at(folder / f"{split}.tsv", text="1", labels=("2",), label_names=("sentiment",))
        for split in ("train", "dev")
    )
    lab, started = Lab(), time.monotonic()
    lab.add_dataset(train, "SST-2 train")
    lab.add_dataset(dev, "SST-2 dev")
    run = FineTune(
        checkpoint=Packaged(),
        train=Sample(of=train, n=3000),
        dev=Sample(of=dev),
        label="sentiment",
        epochs=2,
        learning_rate=5e-5,
        batch_size=32,
    )
    tuned = lab.run(run)
    base_side, tuned_side = (
        Embed(checkpoint=side, sample=Sample(of=dev), unit="sentence", pooling="mean") for side in (Packaged(), run)
    )
    probes = [Probe(embed=side, label="sentiment") for side in (base_side, tuned_side)]
    change = lab.run(ProbeChange(base=probes[0], tuned=probes[1])).difference
    similarity = lab.run(Similarity(base=base_side, tuned=tuned_side))
    crowding = lab.run(Crowding(base=base_side, tuned=tuned_side))
    weights = lab.run(WeightChange(base=Packaged(), tuned=run)).layers
    before, after = (lab.run(probe) for probe in probes)
    accuracy = tuned.accuracy
    print(
        f"Head accuracy on {accuracy.n} dev sentences: {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}], "
        f"majority {tuned.majority:.3f}; probe majority {before.majority:.3f}; {time.monotonic() - started:.0f} s.\n"
    )
    print(
        "| layer | CKA, base to tuned | probe, base | probe, tuned | difference | control task | mean cosine | weights |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for layer in reversed(range(len(weights))):
        cka, moved = similarity.same_layer[layer], change[layer]
        noise = " (noise)" if moved.low <= 0 <= moved.high else ""
        print(
            f"| {layer} | {cka.value:.2f} [{cka.low:.2f}, {cka.high:.2f}] | {before.score[layer].value:.2f} | "
            f"{after.score[layer].value:.2f} | {moved.value:+.2f} [{moved.low:+.2f}, {moved.high:+.2f}]{noise} | "
            f"{before.control_score[layer].value:.2f}, {after.control_score[layer].value:.2f} | "
            f"{crowding.base[layer].value:.2f} → {crowding.tuned[layer].value:.2f} | {weights[layer]:.1%} |"
        )


if __name__ == "__main__":
    main()
