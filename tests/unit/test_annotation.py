"""A drawn sentence: everything from a file escaped, every word, tag and arc there, arcs that do not run into each other."""

import re
from html.parser import HTMLParser
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts import annotation
from core.charts.counts import counts_bars, counts_table
from core.charts.look import Look
from core.data.counts import count
from core.data.load import load_dataset
from core.data.marks import marks_of
from core.refs import Suite

LOOKS = (Look(), Look(dark=True), Look(projector=True))
EVIL = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&amp;", "it's", "`x`", "</div></div>"]


class Page(HTMLParser):
    """Reads HTML as a browser does."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.depth = 0
        self.feed(html)
        self.close()
        assert self.depth == 0, "a tag is left open"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def drawn(words: list[str], tags: list[str], heads: list[int], relations: list[str], look: Look) -> list[Page]:
    """Every way to draw a sentence."""
    return [
        Page(annotation.tree(words, tags, annotation.Arcs(heads, relations), look)),
        Page(annotation.tagged(words, tags, look)),
        Page(annotation.plain(" ".join(words), look)),
        Page(annotation.badges(dict(zip(words, tags, strict=True)), look)),
    ]


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "projector"])
def test_what_a_file_says_is_text_and_never_markup(look: Look) -> None:
    for page in drawn(EVIL, EVIL, [0, 1, 2, 3, 4, 5], EVIL, look):
        assert set(page.tags) <= {"div", "span", "b", "i"}
        assert page.attributes <= {"style", "tabindex", "role", "aria-label"}
        assert "<script>alert(1)</script>" in "".join(page.texts)


# Everything but what is drawn as its code point.
VISIBLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Z"]), min_size=1, max_size=12)


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], list[int]]:
    """Words and heads; any heads that a file can hold, cycles and crossing arcs included."""
    words = draw(st.lists(VISIBLE, min_size=1, max_size=14))
    heads = [draw(st.integers(0, len(words))) for _ in words]
    return words, heads


@given(tree=trees())
def test_every_word_and_relation_is_drawn_within_the_figure(tree: tuple[list[str], list[int]]) -> None:
    words, heads = tree
    tags, relations = [f"T{i}" for i in range(len(words))], [f"r{i}" for i in range(len(words))]
    html = annotation.tree(words, tags, annotation.Arcs(heads, relations), Look())
    texts = Page(html).texts
    for word, tag in zip(words, tags, strict=True):
        assert word in texts
        assert tag in texts
    for place, head in enumerate(heads):
        assert (relations[place] in texts) == (head != place + 1)
    figure = re.search(r"position:relative;width:(\d+)px;height:(\d+)px", html)
    assert figure
    for left, top in re.findall(r"position:absolute;left:(-?[\d.]+)px;top:(-?[\d.]+)px", html):
        assert -5 <= float(left) <= int(figure[1])
        assert 0 <= float(top) <= int(figure[2])


@given(tree=trees())
def test_arcs_that_overlap_stand_at_different_heights(tree: tuple[list[str], list[int]]) -> None:
    _, heads = tree
    arcs = [(min(i, h - 1), max(i, h - 1), i) for i, h in enumerate(heads) if h and h - 1 != i]
    levels = annotation._levels(arcs)
    for one in arcs:
        for other in arcs:
            if one != other and one[0] < other[1] and other[0] < one[1]:
                assert levels[one] != levels[other]


def test_what_cannot_be_seen_is_drawn_as_its_code_point() -> None:
    page = Page(annotation.tagged(["a", "\u200b", "b"], ["X", "Y", "Z"], Look()))
    assert "U+200B" in page.texts


def test_colours_belong_to_tags_and_not_to_sentences() -> None:
    ner = ("O", "B-PER", "I-PER", "B-LOC")
    look = Look()
    assert annotation.tag_colour("B-PER", ner, look) == annotation.tag_colour("I-PER", ner, look)
    assert annotation.tag_colour("B-PER", ner, look) != annotation.tag_colour("B-LOC", ner, look)
    assert annotation.tag_colour("NOUN", ("NOUN",), look) == annotation.tag_colour("NOUN", ("VERB", "NOUN"), look)
    assert annotation.tag_colour("O", ner, look) == look.grid


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "projector"])
def test_text_is_large_enough_to_project(look: Look) -> None:
    examples = load_dataset(Suite())
    html = annotation.tree(examples.words[0], examples.word_labels["upos"][0], annotation.Arcs(examples.heads[0]), look)
    assert min(map(int, re.findall(r"font-size:(\d+)px", html))) >= (16 if look.projector else 13)


def test_counts_are_those_of_the_labels_and_their_chart_is_valid() -> None:
    counted = count(Suite())
    examples = load_dataset(Suite())
    assert (counted.n_examples, counted.n_words) == (len(examples), examples.n_words)
    for label in counted.labels:
        if label.unit in ("pair", "span"):
            flat = [tag for marks in marks_of(examples, label.name) for mark in marks for tag in mark.labels]
        elif label.unit == "word":
            flat = [tag for row in examples.word_labels[label.name] for tag in row]
        else:
            flat = list(examples.sentence_labels[label.name])
        assert dict(zip(label.labels, label.counts, strict=True)) == {tag: flat.count(tag) for tag in set(flat)}
        assert label.majority == max(label.counts) / len(flat)
        assert list(label.counts) == sorted(label.counts, reverse=True)
        table = counts_table(label.labels, label.counts, label.shares)
        for look in LOOKS:
            chart = counts_bars(table, look, what="x", unit=label.unit).to_dict()
            assert chart["datasets"]
            assert label.labels[0] in chart["title"]["text"]


# --- marks


def test_marks_stand_under_their_words_and_never_on_one_another() -> None:
    words = ["the", "old", "dog", "of", "the", "guard", "barks"]
    marks = [((0, 6), None, "nsubj"), ((3, 6), None, "nmod"), ((4, 6), None, "x"), ((0, 2), (6, 7), "pair")]
    for look in LOOKS:
        drawn = annotation.marked(words, marks, look)
        bars = [
            (int(row), int(start), int(end))
            for start, end, row in re.findall(r"grid-column:(\d+)/(\d+);grid-row:(\d+)", drawn)
        ]
        assert len(bars) == 5  # a pair has two
        assert all(row >= 2 for row, _, _ in bars)  # the words stand in the first
        for one, other in combinations(bars, 2):
            assert one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]
        assert 'aria-label="of the guard: nmod' in drawn or "of the guard: nmod" in drawn
        assert "the old and barks: pair" in drawn


def test_what_a_file_says_in_marks_is_escaped() -> None:
    drawn = annotation.marked(["<b>", "x"], [((0, 1), None, "<script>")], LOOKS[0])
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_trees_over_the_same_words_stand_in_line_and_doubt_is_dashed() -> None:
    words, tags = ("She", "sleeps", "well", "."), ("PRON", "VERB", "ADV", "PUNCT")
    gold = annotation.Arcs((2, 0, 2, 2), ("nsubj", "root", "advmod", "punct"), title="Gold")
    read = annotation.Arcs((3, 0, 2, -1), doubted={0}, title="Base")
    html = annotation.trees(words, tags, [gold, read], Look())
    page = Page(html)
    assert html.count("dashed") == 1
    assert [text for text in page.texts if text in ("Gold", "Base")] == ["Gold", "Base"]
    for word in words:  # twice each, at the same place
        places = re.findall(
            rf"left:(\d+)px;top:\d+px;transform:translateX\(-50%\)[^>]*><div[^>]*>{re.escape(word)}<", html
        )
        assert len(places) == 2
        assert len(set(places)) == 1
    assert (
        "Base: She: depends of well; sleeps: depends of root; well: depends of sleeps" in html
    )  # punctuation has no arc
    for tag in tags:
        assert html.count(f">{tag}<") == 1  # tags stand under the first alone
