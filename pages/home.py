"""Home: what fine-tuning did, layer by layer, in one look."""

from pages.parts.frame import enter

enter()

import streamlit as st  # noqa: E402

from core.charts import strip  # noqa: E402
from core.charts.headline import headline, reading  # noqa: E402
from pages.parts import newcomer, picker, show  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

TITLE = "What did fine-tuning do?"
SHOWS = "One row a layer, the top of the network at the top: base ● beside tuned ▲, with 95 % intervals."
HOW_TO_READ = "A hollow ▲ is a change inside the noise. Click a row to keep that layer in view on every page."


def main() -> None:
    """The page."""
    chosen = picker.selected()
    if chosen is None or chosen.tuned is None:
        show.heading(TITLE, SHOWS, HOW_TO_READ)
        if chosen is not None:
            newcomer.draw(chosen)
    else:
        layer_strip(chosen)


def layer_strip(chosen: Selection) -> None:
    """The finding in words, and four panels over one layer axis; a panel is drawn as soon as its result is there."""
    look, layer = show.look(), chosen.layer
    top = st.container()
    specs = [chosen.similarity, chosen.crowding, chosen.weights]
    if chosen.label:
        specs += [chosen.probe_change, *chosen.probes]
    similarity, crowding, weights, *probing = show.results(specs, what="the layer strip")
    panels: dict[str, tuple] = {}
    if similarity:
        panels["kept"] = (
            strip.kept_panel(similarity, look, layer),
            strip.kept_table(similarity),
            [chosen.similarity],
            f"{similarity.estimator}, n = {similarity.n_rows:,} {chosen.unit}s of {similarity.n_sentences:,} sentences, "
            "95 % jackknife interval over groups of sentences",
        )
    if probing and all(probing):
        change, base, tuned = probing
        panels["probe"] = (
            strip.probe_panel(base, tuned, change, look, layer, label=chosen.label_name),
            strip.probe_table(base, tuned, change),
            [chosen.probe_change, *chosen.probes],
            f"logistic regression, {base.n_train:,} training and {base.n_test:,} test {chosen.unit}s, "
            f"{base.accuracy.shape[1]} random splits by sentence, corrected 95 % interval; control: {base.control_kind}",
        )
    if crowding:
        panels["crowding"] = (
            strip.crowding_panel(crowding, look, layer, unit=chosen.unit),
            strip.crowding_table(crowding),
            [chosen.crowding],
            f"{crowding.n_pairs:,} pairs from different sentences, 95 % interval over 20 groups of sentences",
        )
    if weights:
        panels["weights"] = (
            strip.weights_panel(weights, look, layer),
            strip.weights_table(weights),
            [chosen.weights],
            f"Frobenius norm of the change over that of base, {weights.n_parameters:,} weights",
        )
    with top:
        show.heading(
            headline(similarity, weights, chosen.tuned_task) if similarity and weights else TITLE, SHOWS, HOW_TO_READ
        )
        if probing and all(probing):
            st.markdown(f"**{reading(probing[0], chosen.label_name)}**")
    _draw(panels)


def _draw(panels: dict[str, tuple]) -> None:
    names = ("kept", "probe", "crowding", "weights")
    columns = st.columns([1.1, 1, 1, 1], gap="small")
    for column, name in zip(columns, names, strict=True):
        if name in panels:
            with column:
                show.draw_chart(
                    panels[name][0], name=f"strip-{name}", alt_text=panels[name][3], on_layer=picker.pick_layer
                )
    if not panels:
        return
    with st.expander("Tables and where these numbers come from", icon=":material/table:"):
        for name in names:
            if name in panels:
                _, table, specs, note = panels[name]
                show.behind(table, name=f"strip-{name}", specs=specs, note=note)


with show.messages():
    main()
