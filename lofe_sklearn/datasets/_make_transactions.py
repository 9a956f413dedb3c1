"""A small mixed table: card transactions with text, dates, gaps, and planted anomalies."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

from lofe_sklearn._types import RandomState
from lofe_sklearn._validation import MOST, Described, Number, check_argument, check_seed
from lofe_sklearn.datasets._contaminate import SHARE

if TYPE_CHECKING:
    import pandas as pd

N_SAMPLES = Described(Number(Integral, low=10, most=MOST), "an integer of at least 10")
GAPS = Described(Number(low=0, high=0.5), "a number in [0, 0.5]")

NORMAL = "normal"
KINDS = ("amount", "hour", "country", "merchant", "mismatch")
START = np.datetime64("2025-03-03T00:00:00")
N_DAYS = 28
COUNTRIES = ("DE", "FR", "NL", "AT", "CH", "IT", "ES", "PL")
SHARES = (0.7, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.02)
DISTANT = ("BR", "NG", "VN", "KY")
TOWNS = ("Berlin", "Hamburg", "Munich", "Cologne", "Leipzig", "Bremen", "Dresden", "Mainz")


class Category(NamedTuple):
    """Sales of one kind of shop.

    The typical amount and its spread are those of a lognormal distribution, and hours are those
    of the day with sales. `names` are of merchants.
    """

    share: float
    amount: float
    spread: float
    hours: tuple[int, int]
    online: float
    names: tuple[str, ...]


CATEGORIES = {
    "groceries": Category(0.3, 35, 0.5, (8, 21), 0.05, ("Fresh Market", "Corner Shop", "Greens")),
    "bakery": Category(0.16, 7, 0.4, (6, 18), 0.0, ("Bakery Miller", "Daily Bread", "Crumbs")),
    "restaurant": Category(0.16, 45, 0.5, (12, 23), 0.1, ("Trattoria Roma", "Noodle Bar", "Grill")),
    "fuel": Category(0.1, 60, 0.3, (6, 22), 0.0, ("Fuel Station", "City Garage")),
    "clothing": Category(0.1, 80, 0.6, (10, 20), 0.5, ("Denim House", "Shoe Store", "Outfitters")),
    "transport": Category(0.12, 12, 0.7, (5, 23), 0.6, ("Metro Tickets", "Rail Travel")),
    "electronics": Category(0.06, 250, 0.7, (10, 20), 0.6, ("Computer World", "Phone Centre")),
}


@overload
def make_transactions(
    n_samples: int = 4000,
    *,
    contamination: float = 0.02,
    missing: float = 0.03,
    return_kinds: Literal[False] = False,
    random_state: RandomState = None,
) -> tuple[pd.DataFrame, pd.Series]: ...
@overload
def make_transactions(
    n_samples: int = 4000,
    *,
    contamination: float = 0.02,
    missing: float = 0.03,
    return_kinds: bool,
    random_state: RandomState = None,
) -> tuple[Any, ...]: ...
def make_transactions(
    n_samples: int = 4000,
    *,
    contamination: float = 0.02,
    missing: float = 0.03,
    return_kinds: bool = False,
    random_state: RandomState = None,
) -> tuple[Any, ...]:
    """Draw four weeks of card transactions, a table of mixed columns with planted anomalies.

    It is made for examples and tests of
    :func:`lofe_sklearn.tabular.table_pipeline`, and needs no download. The columns:

    ================ ==================================================================
    transaction_id   identifier, different in each row
    time             date and time, with missing values
    amount           number with a long right tail
    category         text of 7 values, with missing values
    merchant         text of a few hundred values: a name, a town and the number of a till
    country          text of 8 values, most often "DE", with missing values
    online           truth value
    items            number of items, with missing values
    currency         "EUR" in each row
    ================ ==================================================================

    A normal transaction is made of its category, which decides how much is spent, at which hours,
    by whom and whether online. An anomaly is a normal transaction with one change:

    - ``"amount"``: 8 to 30 times the amount;
    - ``"hour"``: at one to four in the night, when all shops are closed;
    - ``"country"``: in a country that no normal transaction is from;
    - ``"merchant"``: with a merchant whose name is like no other;
    - ``"mismatch"``: with the merchant of one category and the amount of a much cheaper or
      dearer one.

    Parameters
    ----------
    n_samples : int, default=4000
        Number of rows.
    contamination : float, default=0.02
        Share of anomalies, in [0, 1); their number is rounded. All kinds are equally frequent.
    missing : float, default=0.03
        Share of missing values in each of the columns time, category, country and items.
    return_kinds : bool, default=False
        Whether to return the kind of each row too.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.

    Returns
    -------
    X : pandas.DataFrame of shape (n_samples, 9)
        The table, in the order of its times.
    y : pandas.Series of int64, shape (n_samples,)
        1 for anomalies, 0 for normal rows, with the index of X.
    kinds : pandas.Series of str, shape (n_samples,)
        ``"normal"``, or the kind of anomaly. Only with ``return_kinds=True``.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    ImportError
        If pandas is not installed.

    See Also
    --------
    lofe_sklearn.tabular.table_pipeline : Finds the anomalies in such a table.

    Examples
    --------
    >>> from lofe_sklearn.datasets import make_transactions
    >>> X, y = make_transactions(1000, random_state=0)
    >>> X.shape, int(y.sum())
    ((1000, 9), 20)
    >>> print(X.loc[0, ["amount", "category", "merchant"]].to_string())
    amount                        12.88
    category                     bakery
    merchant    Bakery Miller Berlin 17
    """
    owner = "make_transactions"
    check_argument(owner, "n_samples", n_samples, N_SAMPLES)
    check_argument(owner, "contamination", contamination, SHARE)
    check_argument(owner, "missing", missing, GAPS)
    rng = check_seed(owner, random_state)
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "make_transactions: this needs pandas. Install it with: pip install "
            "'lofe-sklearn[table]'"
        ) from error

    columns = _normal(n_samples, rng)
    n_anomalies = round(n_samples * contamination)
    kinds = np.full(n_samples, NORMAL, dtype=object)
    chosen = rng.permutation(n_samples)[:n_anomalies]
    kinds[chosen] = np.resize(KINDS, n_anomalies)
    _plant(columns, kinds, rng)

    X = pd.DataFrame(columns)
    X["currency"] = "EUR"
    X["items"] = X["items"].astype("float64")
    for name in ("time", "category", "country", "items"):
        gaps = rng.random_sample(n_samples) < missing
        X[name] = X[name].mask(gaps)
    order = np.argsort(columns["time"], kind="stable")
    X, kinds = X.iloc[order].reset_index(drop=True), kinds[order]
    X.insert(0, "transaction_id", [f"T{number:06d}" for number in range(1, n_samples + 1)])
    y = pd.Series((kinds != NORMAL).astype(np.int64), name="anomaly")
    return (X, y, pd.Series(kinds, name="kind")) if return_kinds else (X, y)


def _normal(n_samples: int, rng: np.random.RandomState) -> dict[str, np.ndarray]:
    """Draw the columns of normal transactions."""
    shares = np.array([category.share for category in CATEGORIES.values()])
    names = rng.choice(list(CATEGORIES), size=n_samples, p=shares / shares.sum())
    shops = [CATEGORIES[name] for name in names]
    hours = np.array([rng.triangular(*_around_noon(shop.hours)) for shop in shops])
    seconds = rng.randint(N_DAYS, size=n_samples) * 86400 + (hours * 3600).astype(np.int64)
    return {
        "time": (START + seconds.astype("timedelta64[s]")).astype("datetime64[ns]"),
        "amount": np.array([_amount(shop, rng) for shop in shops]),
        "category": names.astype(object),
        "merchant": np.array([_merchant(shop, rng) for shop in shops], dtype=object),
        "country": rng.choice(COUNTRIES, size=n_samples, p=SHARES).astype(object),
        "online": rng.random_sample(n_samples) < [shop.online for shop in shops],
        "items": 1 + rng.poisson(1.5, size=n_samples),
    }


def _around_noon(hours: tuple[int, int]) -> tuple[float, float, float]:
    first, last = hours
    return first, (first + last) / 2, last


def _amount(shop: Category, rng: np.random.RandomState) -> float:
    return round(float(rng.lognormal(np.log(shop.amount), shop.spread)), 2)


def _merchant(shop: Category, rng: np.random.RandomState) -> str:
    return f"{rng.choice(shop.names)} {rng.choice(TOWNS)} {rng.randint(1, 20)}"


def _plant(columns: dict[str, np.ndarray], kinds: np.ndarray, rng: np.random.RandomState) -> None:
    """Change one thing in each row that is to be an anomaly."""
    by_amount = sorted(CATEGORIES, key=lambda name: CATEGORIES[name].amount)
    for row in np.flatnonzero(kinds != NORMAL):
        kind, category = kinds[row], columns["category"][row]
        if kind == "amount":
            factor = rng.uniform(8, 30)
            columns["amount"][row] = round(columns["amount"][row] * factor, 2)
        elif kind == "hour":
            day = columns["time"][row].astype("datetime64[D]")
            night = np.timedelta64(rng.randint(3600, 4 * 3600), "s")
            columns["time"][row] = day.astype("datetime64[ns]") + night
        elif kind == "country":
            columns["country"][row] = rng.choice(DISTANT)
        elif kind == "merchant":
            code = "".join(rng.choice(list("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"), size=7))
            columns["merchant"][row] = f"WWW*{code} GIFTCARD"
        else:
            cheap = by_amount.index(category) < len(by_amount) // 2
            other = CATEGORIES[by_amount[-1 if cheap else 0]]
            columns["amount"][row] = _amount(other, rng)
            columns["merchant"][row] = _merchant(other, rng)
