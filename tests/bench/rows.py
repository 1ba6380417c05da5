"""Write a few rows into the table of results and leave the others as they are."""

from pathlib import Path

TABLE = Path(__file__).with_name("RESULTS.md")


def keep(rows: list[tuple[str, str, str]]) -> None:
    """Print rows, and put each in the place of the row of the same name, or at the table's end."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    for what, figure, asked in rows:
        written = f"| {what} | {figure} | {asked} |"
        print(written)
        places = [i for i, line in enumerate(lines) if line.startswith(f"| {what} |")]
        if places:
            lines[places[0]] = written
        else:
            lines.append(written)
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
