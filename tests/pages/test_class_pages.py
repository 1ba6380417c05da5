"""Pages as those see them who look on in a class: whole, and without anything that acts."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.lab import Lab
from pages.parts.classroom import PRESENTERS
from tests.pages.test_pages import PAGES, _app, opened, said

ACTS = ("compute-", "cancel-", "pin-", "make-claim", "keep-claim", "claim-again", "forget-", "delete-", "download-")
SEEN = [page for page in PAGES if page not in PRESENTERS]


@pytest.fixture
def looking_on(made: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app of a class over the small comparison, before any key was given."""
    monkeypatch.setenv("TUNESCOPE_SEATS", "5")
    yield from _app(made.store.root, monkeypatch)


@pytest.mark.parametrize("page", SEEN)
def test_a_page_is_there_and_offers_nothing_that_acts(looking_on: AppTest, page: str) -> None:
    app = opened(looking_on, page)
    assert not app.exception
    assert not app.error
    keys = [button.key or "" for button in app.button]
    assert not [key for key in keys if key.startswith(ACTS)]
    assert not app.get("file_uploader")
    if "Not computed yet" in said(app):
        assert "In a class the presenter computes." in said(app)


def test_what_a_viewer_does_not_see_is_there_for_whoever_is_alone(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for app in _app(made.store.root, monkeypatch):
        opened(app, "layers")
        assert [button for button in app.button if (button.key or "").startswith(ACTS)]


def test_the_presenters_pages_are_not_in_the_navigation(looking_on: AppTest) -> None:
    assert set(PAGES) >= set(PRESENTERS) - {"storage"}
    looking_on.run()
    assert looking_on.toggle(key="class_following").value is True
    assert [field.label for field in looking_on.text_input] == ["Key"]
