"""CSV files damaged at random: a documented exit code, and never a traceback."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest_plugins = ["running_lofe"]

ROWS = [
    "amount,unit,when,ok",
    *(
        f"{20 + i % 9}.{i % 7},{'kg' if i % 3 else 't'},2024-01-{1 + i % 28:02d},{i % 2 == 0}"
        for i in range(30)
    ),
]
PIECES = st.sampled_from(
    [
        "",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "\n",
        "\r\n",
        "\0",
        "\ufeff",
        "é",
        "NaN",
        "inf",
        "-inf",
        "1e400",
    ]
    + [
        "1e308",
        "x" * 300,
        "9" * 40,
        "2024-13-45",
        "True",
        "None",
        "[1, 2]",
        "amount",
        " ",
        "\x1b[2J",
    ]
)


@st.composite
def damaged(draw):
    """A table with pieces put over some of its characters, and perhaps cut short."""
    text = "\n".join(ROWS) + "\n"
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES) + text[stop:]
    encoded = text.encode(draw(st.sampled_from(["utf-8", "latin-1", "utf-16"])), "replace")
    return encoded[: draw(st.integers(len(encoded) // 2, len(encoded)))]


SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(content=damaged())
def test_fit_of_a_damaged_file(content, lofe, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    result = lofe("fit", tmp_path / "t.csv", "--top", 2, "--reasons", 1)
    assert result.exit_code in (0, 3)


@pytest.mark.slow
@SETTINGS
@given(content=damaged(), n_rows=st.integers(1, 40))
def test_score_of_a_damaged_file(content, n_rows, lofe, tmp_path):
    model = tmp_path / "m.lofe"
    if not model.exists():
        (tmp_path / "fine.csv").write_text("\n".join(ROWS))
        assert lofe("fit", tmp_path / "fine.csv", "--model", model).exit_code == 0
    (tmp_path / "t.csv").write_bytes(content)
    options = ("--model", model, "--top", 2, "--reasons", 1, "--chunk-rows", n_rows)
    result = lofe("score", tmp_path / "t.csv", *options)
    assert result.exit_code in (0, 3)
