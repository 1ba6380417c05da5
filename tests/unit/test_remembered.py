"""What is kept of a pure function is kept for what its arguments hold."""

import pandas as pd
import pytest

from core.charts.remembered import remembered


def table(**changes: object) -> pd.DataFrame:
    return pd.DataFrame({"gold": ["a", "b"], "score": [0.5, float("nan")], "n": [1, 2]} | changes)


OTHERS = {
    "a value": table(gold=["a", "c"]),
    "a number": table(score=[0.5, 0.25]),
    "a type": table(n=[1.0, 2.0]),
    "a name": table().rename(columns={"n": "m"}),
    "the order of rows": table().iloc[::-1],
    "a row less": table().head(1),
}


@pytest.mark.parametrize("what", OTHERS)
def test_an_equal_table_is_not_worked_out_again_and_another_is(what: str) -> None:
    seen: list[pd.DataFrame] = []

    @remembered(10)
    def look(rows: pd.DataFrame, measure: str, *, more: int = 0) -> int:
        seen.append(rows)
        return len(seen)

    assert [look(table(), "F1"), look(table(), "F1")] == [1, 1]
    assert look(OTHERS[what], "F1") == 2
    assert look(table(), "accuracy") == 3
    assert look(table(), "F1", more=1) == 4
    assert look(table(), "F1") == 1


def test_what_was_longest_not_asked_for_goes_first_and_an_error_is_nothing_to_keep() -> None:
    seen: list[int] = []

    @remembered(2)
    def twice(number: int) -> int:
        seen.append(number)
        if number < 0:
            raise ValueError(number)
        return 2 * number

    assert [twice(1), twice(2), twice(1), twice(3), twice(1), twice(2)] == [2, 4, 2, 6, 2, 4]
    assert seen == [1, 2, 3, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            twice(-1)
    assert seen[4:] == [-1, -1]
