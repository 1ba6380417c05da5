"""The README's pictures, taken of the app as it comes: python -m tests.browser.pictures"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ROOT, settled, start, stop

PICTURES = {"home": ""}
"""File in .github, and the address of the view."""


def main() -> None:
    """Take them all, at the size of a projector, in light."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start(Path(folder) / "cache", Path(folder) / "log", packs=str(ROOT / "cache" / "packs"))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            for name, address in PICTURES.items():
                page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
                page.goto(f"{server.url}/{address}")
                settled(page)
                page.wait_for_timeout(2000)
                page.screenshot(path=ROOT / ".github" / f"{name}.png")
        finally:
            browser.close()
            stop(server)


if __name__ == "__main__":
    main()
