"""The page Hypotheses: what is claimed is kept with its time, judged by what is stored, and refused in words."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.claim import Claim
from core.analyses.crowding import Crowding
from core.analyses.similarity import Similarity
from core.keys import from_json, key_of, to_json
from core.lab import Lab
from core.store.claims import Made
from pages.parts.show import escaped
from tests.copies import a_copy
from tests.pages.test_pages import _app, opened, said, with_table
from tests.small import BASE, TUNED

SPACE = Similarity(base=BASE, tuned=TUNED)
CLAIM = Claim(of=(SPACE,), layers=(6,), least=0.001)


@pytest.fixture
def lab(made: Lab, tmp_path: Path) -> Lab:
    """A copy of the small comparison."""
    return a_copy(made, tmp_path / "copy")


@pytest.fixture
def app(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over it."""
    yield from _app(lab.store.root, monkeypatch)


def at(app: AppTest, key: str) -> AppTest:
    """The page with a claim open."""
    app.query_params["claim"] = key
    return opened(app, "hypotheses")


def click(app: AppTest, key: str) -> AppTest:
    """The page after a press."""
    next(button for button in app.main.button if button.key == key).click()
    return app.run()


def test_the_papers_claims_are_listed_with_what_they_cost(app: AppTest) -> None:
    opened(app, "hypotheses")
    assert not app.exception
    text = said(app)
    for paper in ("Durrani et al. 2021", "Tamkin et al. 2020", "Merchant et al. 2020", "Zhou & Srikumar 2022"):
        assert paper in text
    assert "not measured yet" in text
    assert "Not computed yet: the claims that are not measured" in text
    looks = [button for button in app.main.button if (button.key or "").startswith("look-")]
    assert len(looks) > 8
    looks[0].click()
    app.run()
    assert not app.exception
    assert app.title[0].value.startswith("After tuning")
    assert "Cost:" in said(app)


def test_a_claim_of_parts_is_kept_with_its_time_and_its_test_stated_before_its_result(app: AppTest, lab: Lab) -> None:
    app.query_params["hypotheses"] = "Your own claim"
    opened(app, "hypotheses")
    assert not app.exception
    text = said(app)
    assert escaped("After tuning, the space (CKA) has changed at layer 6, by more than 0.05.") in text
    assert "*Supported* if the whole 95 % interval lies above 0.05" in text
    assert "a pilot on 100 sentences" in text
    assert not lab.claims.keys()
    click(app, "make-claim")
    assert not app.exception
    (key,) = lab.claims.keys()
    made = lab.claims.read(key)
    assert made.was_known is False
    assert app.title[0].value == escaped(made.said)
    claim = from_json(made.claim)
    assert claim.layers == (6,)
    # Another size is another claim, beside the first.
    lab.make_claim(claim.replace(least=0.2), "Otherwise.")
    assert len(lab.claims.keys()) == 2


def test_a_claim_that_was_measured_has_its_verdict_its_figure_and_other_ways_of_asking(app: AppTest, lab: Lab) -> None:
    lab.make_claim(CLAIM, "After tuning the space has changed.")
    at(app, key_of(CLAIM))
    assert not app.exception
    assert not app.error
    text = said(app)
    found = lab.judged(CLAIM)
    assert found is not None
    assert found.verdict in text
    assert "after it was measured" in text
    assert "What would change it?" in text
    assert len(app.main.get("vega_lite_chart")) >= 1
    assert "of 2 ways of asking say" in text
    app.session_state["claim-test"] = True
    app.run()
    assert "*Supported* if the whole 95 % interval lies above 0.001" in said(app)
    with_table(app, "claim")
    table = app.main.dataframe[0].value
    assert table["value"].iloc[-1] == pytest.approx(found.value)
    app.main.text_area[0].set_value("because").run()
    assert lab.claims.read(key_of(CLAIM)).note == "because"
    click(app, "claim-again")
    assert len(lab.claims.keys()) == 2
    other = from_json(lab.claims.read(str(app.query_params["claim"])).claim)
    assert other.of[0].base.sample.apart_n == SPACE.base.sample.n


def test_what_every_sentence_was_read_for_cannot_be_claimed_of_others(app: AppTest, lab: Lab) -> None:
    every = SPACE.replace(
        **{side: getattr(SPACE, side).replace(sample=SPACE.base.sample.replace(n=0)) for side in ("base", "tuned")}
    )
    claim = Claim(of=(every,), layers=(6,), least=0.01)
    lab.make_claim(claim, "Of all sentences.")
    at(app, key_of(claim))
    assert not app.exception
    assert "claim-again" not in {button.key for button in app.main.button}


def test_a_kept_claim_is_forgotten_and_its_measurement_stays(app: AppTest, lab: Lab) -> None:
    lab.make_claim(CLAIM, "So it is.")
    at(app, key_of(CLAIM))
    click(app, "forget-claim")
    assert not lab.claims.keys()
    assert lab.peek(SPACE) is not None
    assert app.title[0].value == "Hypotheses"
    app.query_params["hypotheses"] = "Kept claims"
    app.run()


@pytest.mark.parametrize("key", ["0" * 40, "../../etc/passwd", "<script>"])
def test_a_link_to_no_claim_says_so(app: AppTest, key: str) -> None:
    at(app, key)
    assert not app.exception
    assert "Opening the claim" in app.error[0].value


def test_a_claim_that_is_something_else_or_of_another_time_is_named(app: AppTest, lab: Lab) -> None:
    other = Crowding(base=BASE, tuned=TUNED)
    lab.claims.make(Made(key=key_of(other), claim=to_json(other), said="x", about="y", made=1.0, was_known=False))
    at(app, key_of(other))
    assert "Found a crowding" in app.error[0].value
    app.query_params.pop("claim")
    app.query_params["hypotheses"] = "Kept claims"
    app.run()
    assert not app.exception
    assert "Found a crowding" in said(app)


def test_a_claim_over_a_layer_that_is_not_there_says_which(app: AppTest, lab: Lab) -> None:
    claim = Claim(of=(SPACE,), layers=(40,), least=0.01)
    lab.make_claim(claim, "Of a layer that is not there.")
    at(app, key_of(claim))
    assert not app.exception
    assert "layer 40" in said(app)
