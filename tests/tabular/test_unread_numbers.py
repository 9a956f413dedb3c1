"""The warning about text that holds numbers in a form that is not read."""

import warnings

import numpy as np
import pytest

from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.tabular import TableFeatures

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 200
NUMBERS = np.random.default_rng(0).integers(100, 999, (N, 3))


def fit(texts):
    # Each text comes twice, so that none is an identifier.
    half = list(texts)[: N // 2]
    table = pd.DataFrame({"size": np.arange(N) ** 1.5, "column": half + half})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kind = TableFeatures().fit(table).column_kinds_["column"]
    return kind, [str(each.message) for each in caught]


UNREAD = {
    "blood pressures": lambda a, b, c: f"{a}/{b}",
    "coordinates": lambda a, b, c: f"48.{a}, 11.{b}",
    "coordinates south and west": lambda a, b, c: f"{48 * (-1) ** a}.{b}, {11 * (-1) ** c}.{b}",
    "inches": lambda a, b, c: f'{a} {1 + 2 * (b % 4)}/8"',
    "sizes": lambda a, b, c: f"{a}x{b}x{c}",
    "ranges": lambda a, b, c: f"{a // 10 ** (c % 3)}-{a + b * c}",
    "ranges among numbers": lambda a, b, c: f"{a // 9 ** (c % 3)}-{a + b * c}" if c % 4 else f"{a}",
    "ranges of two units": lambda a, b, c: f"{a} g - {a + b} kg",
    "currencies": lambda a, b, c: f"{'$€'[c % 2]}{a}.{b}",
    "currencies behind": lambda a, b, c: f"{a}.{b} {['EUR', 'USD', 'GBP'][c % 3]}",
    "flags of laboratories": lambda a, b, c: f"{a / 100} {'HL  '[b % 4]}",
    "corrected values": lambda a, b, c: f"{a / 100}{'**  '[b % 4]}",
    "words in front": lambda a, b, c: f"from ${a}.{b}",
    "words on both sides": lambda a, b, c: f"ab {a},{b % 90 + 10} EUR",
    "names in front": lambda a, b, c: f"T={a}.{b}",
    "tolerances": lambda a, b, c: f"{a}.5 ± {b}.5",
    "two scales": lambda a, b, c: f"{b / 10} °{'CF'[a % 2]}",
    "days of a year": lambda a, b, c: f"{1 + a % 28:02}.{1 + b % 12:02}.",
    "places": lambda a, b, c: f"2026-01-{1 + a % 28:02} 08:{c % 60:02} {['EST', 'PST'][b % 2]}",
}


@pytest.mark.parametrize("kind", UNREAD)
def test_it_names_the_column_and_a_value(kind):
    texts = [UNREAD[kind](*row) for row in NUMBERS]
    read, [message] = fit(texts)
    assert read == "text"
    assert "hold numbers or dates in a form that is not read: 'column' (such as '" in message
    assert any(repr(text) in message for text in texts)
    # A few other texts do not change that.
    assert len(fit(["none", *texts[1:]])[1]) == 1


OTHERS = {
    "telephones": lambda a, b, c: f"{a}-{b}-{c}7",
    "numbers with a dash": lambda a, b, c: f"{a % 90 + 10}-{b}",
    "numbers with a dash, one length": lambda a, b, c: f"{a}-{1000 + b}",
    "results": lambda a, b, c: f"{a}-{b * (1 + 9 * (c % 2))}",
    "addresses of computers": lambda a, b, c: f"10.{a % 9}.{b % 255}.{c % 255}",
    "versions": lambda a, b, c: f"{a % 5}.{b % 9}.{c % 13}",
    "seats": lambda a, b, c: f"{a}{'ABC'[b % 3]}",
    "codes": lambda a, b, c: f"INV-{a}/{b}",
    "diagnoses": lambda a, b, c: f"E{a % 90:02}.{b}",
    "rooms": lambda a, b, c: f"RM {a}",
    "terms": lambda a, b, c: f"{2000 + a % 25} {['Fall', 'Spring'][b % 2]}",
    "ranks": lambda a, b, c: f"#{a}",
    "houses": lambda a, b, c: f"{a}{['', 'a', 'b'][b % 3]}",
    "streets": lambda a, b, c: f"{a} {['Oak', 'Main', 'Hill'][b % 3]} Street",
    "sentences": lambda a, b, c: f"card {a} was used {b} times in shop {c}",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_names_codes_and_sentences_do_not_warn(kind):
    assert fit([OTHERS[kind](*row) for row in NUMBERS]) == ("text", [])


def test_few_texts_do_not_warn():
    # Each of them is a feature: a rare one is seen.
    assert fit([f"{a % 5}/{b % 3}" for a, b, _ in NUMBERS]) == ("text", [])


def test_transactions_do_not_warn():
    table, _ = make_transactions(500, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableFeatures().fit(table.drop(columns=["transaction_id", "currency"]))


def test_amounts_in_such_a_form_are_no_identifiers():
    amounts = [f"<{a}.{b % 90 + 10}>" for a, b, _ in NUMBERS[:N]]
    table = pd.DataFrame({"size": np.arange(N) ** 1.5, "column": list(dict.fromkeys(amounts))[:N]})
    with pytest.warns(UserWarning, match="form that is not read: 'column'"):
        features = TableFeatures().fit(table)
    assert features.dropped_ == {}
