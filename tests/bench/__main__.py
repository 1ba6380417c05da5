"""Run every bench and write tests/bench/RESULTS.md: python -m tests.bench"""

import datetime
import os
import platform

from tests.bench import causes, classes, curves, extraction, geometry, goals, maps, mlps, pages, points, probes
from tests.bench.rows import TABLE


def main() -> None:
    """Measure, print, write."""
    rows = [
        *pages.first_chart(),
        *pages.warm_and_crowded(),
        *extraction.peaks(),
        *extraction.ratios(),
        *maps.ratios(),
        *points.rows(),
        *probes.ratios(),
        *mlps.ratios(),
        *curves.seconds(),
        *geometry.rows(),
        *goals.rows(),
        *causes.rows(),
        *classes.rows(),
    ]
    lines = [
        "# Benches",
        "",
        f"Written by `python -m tests.bench` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {os.cpu_count()} CPU cores "
        f"({platform.machine()}), no accelerator, Python {platform.python_version()}. Medians of several rounds in turn; "
        "ratios are of one run. Extraction reads UD English EWT dev (2,001 sentences, 25,147 words) through the packaged "
        "all-MiniLM-L6-v2, all 7 states, words averaged over their pieces, float32; peak memory is of the same treebank several "
        "times over, read by sentence. Maps and probes read made-up clouds of 17 classes, 384 wide. Curves are of 500 "
        "sentences of the built-in suite. Some rows alone: "
        "`python -m tests.bench.maps`, `.probes`, `.mlps`, `.curves`, `.geometry`, `.goals`, "
        "`.causes`, `.classes`, `.grid`, `.neurons`, `.pages`, `.points`, `.extraction`.",
        "",
        "| what | measured | asked |",
        "| --- | --- | --- |",
        *(f"| {what} | {figure} | {asked} |" for what, figure, asked in rows),
    ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
