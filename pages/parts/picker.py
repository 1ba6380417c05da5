"""The comparison picker and the layer cursor in the sidebar, bound to the URL: every view is a link.

The address leaves out what is the default of a widget, and another day's default is another one; the link that the
sidebar offers names everything.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.analyses.checkpoint import Checkpoint, own_pooling_of, run_of, shape_of
from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.graft import Graft
from core.data.load import sample_size
from core.errors import TunescopeError
from core.keys import key_of
from core.lab import Lab, Named
from core.refs import LABEL_NAMES, Sample
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, caveat_of, embedded_unit, label_options, number_options
from pages.parts.show import asked_in_vain
from pages.parts.tower import lit

_SIZES = ("250", "500", "1000", "2000", "all")
_POOLINGS = {
    "word": {"average": "average of its pieces", "first": "first piece", "last": "last piece"},
    "sentence": {"mean": "mean of all pieces", "cls": "[CLS] token"},
}
_NONE = "none"
KEYS = (
    "base",
    "tuned",
    "step",
    "data",
    "read",
    "layer",
    "only",
    "sentences",
    "strata",
    "word_pooling",
    "sentence_pooling",
)
"""Of the widgets here, as links name them."""
OF_LESSON = ("lesson", "at")
"""What a link to a step of a lesson asks for: see pages/parts/lesson.py."""
SETTING = "_setting"
"""Where a visit keeps what all of these widgets are to be set to, by name, in the run that comes; those left out, to the usual."""
FACING_ICON = ":material/align_vertical_bottom:"


def draw() -> None:
    """Draw the picker and remember the selection for the page that runs next."""
    st.session_state.pop("selection", None)  # where this fails, no page may show what was chosen before
    lab, link = get_lab(), dict[str, str]()
    checkpoints, datasets = lab.checkpoints(), lab.datasets()
    st.subheader("Comparison", anchor=False)
    base = _choose(link, "Base", "base", checkpoints, help_="Weights before fine-tuning, drawn as ● in blue.")
    runs = [named for named in checkpoints if named.id != base.id and not isinstance(named.ref, Snapshot)]
    newest = _newest_run(lab, runs)
    tuned = _choose(
        link,
        "Tuned",
        "tuned",
        runs or [Named(id=_NONE, name="none yet", ref=None)],
        default=newest,
        help_="Weights after fine-tuning, drawn as ▲ in vermilion. Make one on the page Lab.",
    )
    tuned = _at_step(link, lab, tuned)
    if caveat := caveat_of(tuned):
        is_graft = isinstance(tuned.ref, Graft)
        said = (
            "a graft of base and tuned"
            if is_graft
            else f"compressed to rank {tuned.ref.rank}; embeddings as in the base"
        )
        st.caption(said, help=caveat)
    data = _choose(
        link, "Text", "data", datasets, help_="The sentences that both checkpoints read. Add files on the page Data."
    )
    unit, label, number = _choose_label(link, lab, data)
    layer = _tower(link, base)
    with st.expander("Sample, display, link"):
        sample = _choose_sample(link, lab, data)
        pooling = _choose_pooling(link, embedded_unit(unit), own_pooling_of(base.ref))
        is_large = st.toggle(
            "Projector", key="projector", bind="query-params", help="Larger text in charts, for the back of the room."
        )
        if tuned.ref is not None:
            st.caption(
                "Link to exactly this view",
                help="The address above leaves out what is usual on this machine today; this one names everything.",
            )
            asked = {**of_view(), **link} | ({"projector": "true"} if is_large else {})
            page = urlsplit(st.context.url or "")._replace(query=urlencode(asked))
            st.code(page._replace(path=page.path or "/").geturl(), language=None)
    st.session_state.pop(SETTING, None)
    st.session_state["link"] = link  # what names this comparison wherever it is opened
    st.session_state["selection"] = Selection(
        base=base,
        tuned=tuned if tuned.ref is not None else None,
        data=data,
        sample=sample,
        label=label,
        unit=unit,
        pooling=pooling,
        layer=layer,
        number=number,
    )


def of_view() -> dict[str, str]:
    """What the address asks of the view alone: a link to it is none to the step of a lesson, which would set it back."""
    return {key: value for key, value in st.query_params.to_dict().items() if key not in OF_LESSON}


def selected() -> Selection | None:
    """The selection that the sidebar made in this run; None where it could not (the reason is shown there)."""
    return st.session_state.get("selection")


def compared() -> Selection | None:
    """The selection where it has two sides; otherwise None, with a word on how to get the second.

    Where the sides are of unequal depth, a word on which layers are compared.
    """
    chosen = selected()
    if chosen is not None and chosen.tuned is None:
        st.info("Choose a tuned checkpoint in the sidebar, or make one on the page Lab.", icon=":material/info:")
        return None
    if chosen is not None and chosen.misfit:
        st.info(chosen.misfit, icon=":material/info:")
        return None
    if chosen is not None and (facing := chosen.facing):
        st.info(facing, icon=FACING_ICON)
    return chosen


def has_classes(chosen: Selection) -> bool:
    """Whether a label of classes is chosen; where a number is, a word on where that is read and what to choose here."""
    if chosen.label:
        return True
    of_text = label_options(get_lab().labels_of(chosen.data.ref))
    instead = "choose a label of classes under Read" if of_text else "this text has none: choose another"
    st.info(
        f"“{chosen.number_said}” is a number: the page Probes shows how exactly it is read. Here labels of classes are read; "
        f"{instead} in the sidebar.",
        icon=":material/info:",
    )
    return False


def has_label(text: Named, chosen: Selection) -> bool:
    """Whether a text can be asked for the same label; one whose file is gone cannot, as the page Data says."""
    try:
        return chosen.label in get_lab().labels_of(text.ref)[chosen.unit]
    except TunescopeError:
        return False


def pick_run(run: Checkpoint) -> None:
    """Choose a finished run as the tuned side; only inside a widget's callback."""
    st.session_state["tuned"] = key_of(run)[:10]


def _bound(
    link: dict[str, str],
    draw: Callable[..., Any],
    label: str,
    options: Sequence[Any],
    key: str,
    shown: Callable[[Any], str],
    written: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """One widget of choice bound to the URL. What it says goes into the link; what a link asks in vain is told.

    Written by hand a link may name an option otherwise than the widget does: `written` has those.
    """
    asked, own = st.query_params.get(key), f"own_{key}"
    usual = settings.get("value", options[settings.get("index", 0)])
    setting = st.session_state.get(SETTING)
    if setting is not None:
        # Widgets that are on screen keep what they hold, whatever the address says, unless they are told.
        asked, known = setting.get(key), {shown(one): one for one in options} | dict(written or {})
        if asked is not None and asked not in known:
            asked_in_vain(label, asked)
        st.session_state[key] = known.get(asked, usual)
        asked = None
    if asked is not None and asked in (written or {}):
        st.query_params[key] = shown((written or {})[asked])
        st.rerun()  # the widget is to meet its own words in the address, or it drops them
    if asked is not None and asked not in map(shown, options):
        if asked == st.session_state.get(own):
            # Chosen here, for another text or checkpoint: no link asked for it, and the address is to forget it.
            st.session_state[key] = usual
        else:
            asked_in_vain(label, asked)
    chosen = draw(label, options, format_func=shown, key=key, bind="query-params", **settings)
    link[key] = st.session_state[own] = shown(chosen)
    return chosen


def _choose(
    link: dict[str, str], label: str, key: str, options: list[Named], *, default: str | None = None, help_: str = ""
) -> Named:
    by_id = {named.id: named for named in options}
    ids = list(by_id)
    start = ids.index(default) if default in ids else 0
    return by_id[
        _bound(link, st.selectbox, label, ids, key, lambda short: _label(by_id, short), index=start, help=help_)
    ]


def _at_step(link: dict[str, str], lab: Lab, tuned: Named) -> Named:
    """The step of the tuned run that is looked at on every page, where it kept some; at first its end."""
    run = tuned.ref
    if not isinstance(run, FineTune) or not run.snapshots:
        return tuned
    end = f"{run.n_steps:,}"
    steps = {f"{step:,}": step for step in run.snapshots} | {end: run.n_steps}
    step = steps[_bound(
        link, st.select_slider, "Step", list(steps), "step", str, value=end,
        help="How far the tuning had come. Every page shows the tuned side at this step; the page Dynamics shows all of them.",
    )]  # fmt: skip
    if step == run.n_steps:
        return tuned
    ref = Snapshot(run=run, step=step)
    return Named(id=key_of(ref)[:10], name=lab.name_of_tuned(ref), ref=ref)


def _label(by_id: dict[str, Named], short: str) -> str:
    """Name on screen and in the URL; the id is added where two would read alike."""
    name = by_id[short].name
    alike = sum(named.name == name for named in by_id.values()) > 1
    return f"{name} · {short[:6]}" if alike else name


def _newest_run(lab: Lab, options: list[Named]) -> str | None:
    """The newest run that was compared already, so that pages open full; else the newest of all."""
    runs = [named.id for named in options if run_of(named.ref) and not isinstance(named.ref, Graft)]
    compared = lab.compared()
    return next((short for short in runs if short in compared), runs[0] if runs else None)


def _choose_label(link: dict[str, str], lab: Lab, data: Named) -> tuple[str, str, str]:
    """(unit, label, number) to read, one of the last two empty; every text has numbers, many have labels."""
    labels, numbers = label_options(lab.labels_of(data.ref)), number_options(lab.numbers_of(data.ref))
    options = labels | numbers
    names = list(options)
    chosen = _bound(
        link,
        st.selectbox,
        "Read",
        names,  # by name and not by place: at the same place another text has another label, which the browser would not show
        "read",
        str,
        help="What probes try to read from the vectors, and how points are coloured. Word labels make the comparison "
        "run over words, sentence labels over sentences. A span is the mean of its words, a word pair two vectors side by "
        "side. A number (how long, how deep, how common) is read by ridge regression on the page Probes.",
    )
    unit, name = options[chosen]
    if chosen in labels:
        return unit, name, ""
    st.caption(
        "A number: the page Probes reads it. Pages that need classes say so."
        if labels
        else "This text has no labels of classes: similarity and crowding work, and Probes reads numbers."
    )
    return unit, "", name


def _choose_sample(link: dict[str, str], lab: Lab, data: Named) -> Sample:
    whole = _choose_domain(link, lab, data)
    available = sample_size(whole)
    sizes = [size for size in _SIZES if size == "all" or int(size) < available]
    size = _bound(
        link,
        st.selectbox,
        "Sentences",
        sizes,
        "sentences",
        lambda size: f"all {available:,}" if size == "all" else f"{int(size):,}",
        index=sizes.index("500") if "500" in sizes else len(sizes) - 1,
        help="More sentences: narrower intervals, longer waiting.",
    )
    if size == "all":
        return whole
    labels = [name for name in lab.labels_of(data.ref)["sentence"] if name != whole.only]
    labels = [] if getattr(data.ref, "contrast", False) else labels  # minimal pairs stay together
    strata = ""
    if labels:
        strata = _bound(
            link,
            st.selectbox,
            "Drawn",
            ["", *labels],
            "strata",
            lambda name: f"in the shares of {LABEL_NAMES.get(name, name)}" if name else "as chance has it",
            help="In the shares of a label, every value of it keeps the share that it has among the sentences drawn from.",
        )
    return whole.replace(n=int(size), strata=strata)


def _choose_domain(link: dict[str, str], lab: Lab, data: Named) -> Sample:
    """All of a text, or its sentences of one genre, domain or other label."""
    domains = lab.domains_of(data.ref)
    if not domains:
        return Sample(of=data.ref)
    names = ["all", *(f"{LABEL_NAMES.get(label, label)}: {value} ({n:,})" for label, value, n in domains)]
    at = _bound(
        link,
        st.selectbox,
        "Only",
        range(len(names)),
        "only",
        lambda i: names[i],
        help="Sentences of one value of a label: a genre, a domain, a class.",
    )
    if not at:
        return Sample(of=data.ref)
    label, value, _ = domains[at - 1]
    return Sample(of=data.ref, only=label, value=value)


def _choose_pooling(link: dict[str, str], unit: str, own: str) -> str:
    """How pieces become a vector; of sentences, first what the base was trained for, where it says so."""
    names = _POOLINGS[unit]
    key, usual = f"{unit}_pooling", own if own in names else next(iter(names))
    # Another base brings its own usual way, unless another was chosen on purpose.
    before = st.session_state.get(f"usual_{key}")
    if before not in (None, usual) and st.session_state.get(key) == before:
        st.session_state[key] = usual
    st.session_state[f"usual_{key}"] = usual
    trained = f" {names[own].capitalize()}: so the base was trained to be read." if own in names else ""
    return _bound(
        link,
        st.selectbox,
        f"A {unit} is the",
        list(names),
        key,
        lambda name: names[name],
        index=list(names).index(usual),
        help="A tokenizer cuts words into pieces; pooling says how they become one vector." + trained,
    )


def _tower(link: dict[str, str], base: Named) -> int:
    """The layer cursor: the network as a tower, its top at the top."""
    depth = shape_of(base.ref).n_layers
    names, layers = {depth: f"{depth} · top", 0: "0 · embeddings"}, list(range(depth, -1, -1))
    with st.container(gap=None):
        chosen: int = _bound(
            link,
            st.radio,
            "Layer",
            layers,
            "layer",
            lambda layer: names.get(layer, str(layer)),
            written={str(layer): layer for layer in names},
            help="Highlighted on every page. Layer 0 is the embedding output, layer i what block i returns.",
        )
        lit("layer", layers)
    return chosen
