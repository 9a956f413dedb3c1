"""Where rows come from: commands, machine, versions, seeds; and what failed."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from benchmarks.reports.grid import Row, name_columns, name_sets, strip_path
from benchmarks.reports.tables import Sheet, Text

MACHINE = ("processor", "cores", "threads", "gpu")
VERSIONS = ("lofe-sklearn", "python", "torch", "scikit-learn", "numpy")


def commands(rows: Iterable[Row]) -> list[str]:
    """Return the different commands that made rows, without this machine's folders."""
    return list(dict.fromkeys(clean_command(row["command"]) for row in rows if row.get("command")))


def clean_command(command: str) -> str:
    """Return a command as anyone would type it.

    Parameters
    ----------
    command : str

    Returns
    -------
    str

    Examples
    --------
    >>> clean_command("/usr/bin/python3.11 -m benchmarks run --data '/my data/a.npz'")
    'python -m benchmarks run --data FOLDER/a.npz'
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return strip_path(command)
    for place, word in enumerate(words):
        start, slash, rest = word.partition("/")
        if not slash or (start not in ("", "~", "file:") and not start.endswith("=")):
            continue
        name = PurePath(rest).name
        words[place] = f"{start.removesuffix('~')}FOLDER/{name}"
        if not start and name.startswith("python"):
            words[place] = "python"
    return strip_path(shlex.join(words))


def mixed(rows: Sequence[Row]) -> list[str]:
    """Say in which facts of the machine or the versions the rows differ."""
    out = []
    for name in (*VERSIONS, *MACHINE, "device"):
        counts: dict[str, int] = defaultdict(int)
        for row in rows:
            counts[_fact(row, name)] += 1
        if len(counts) > 1:
            out.append(
                f"{name} "
                + ", ".join(f"{v} ({n} fit{'s' * (n != 1)})" for v, n in sorted(counts.items()))
            )
    return out


def _fact(row: Row, name: str) -> str:
    return str(row.get(name) or ("none" if name == "gpu" else "unknown"))


def head(rows: Sequence[Row]) -> str:
    """Return what a reader must know before the tables."""
    failed = sum(bool(row.get("error")) for row in rows)
    days = sorted({str(row["time"])[:10] for row in rows if row.get("time")})
    when = f", {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    seeds = _seeds(rows)
    several = len({row.get("seed") for row in rows}) > 1
    spread = "s" if rows[0].get("suite") == "contaminated" else " ± standard deviation"
    crossed = rows[0].get("suite") == "misspecification"  # bold means another thing there
    out = (
        f"{len(rows):,} fit{'s' * (len(rows) != 1)}, {failed:,} of them failed; {seeds}{when}. "
        + (
            f"Figures are mean{spread} over the seeds"
            if several
            else "Figures are of this one seed, so without a deviation"
        )
        + ("" if crossed else "; bold is the best of a set as rounded, all of them in a tie")
        + ".\n"
    )
    cap = {row.get("max_rows") for row in rows}
    if cap - {None}:
        names = sorted(f"{c:,}" for c in cap - {None})
        rest = "" if None not in cap else ", of some sets all"
        what = "rows of a set"
        if rows[0].get("suite") == "paper-image":
            what = "training images of each class, and a fifth as many test images"
        out += f"\nAt most {' or '.join(names)} {what}{rest}.\n"
    differs = mixed(rows)
    if differs:
        out += "\n> **Mixed:** these rows are not all of one machine and one version: "
        out += "; ".join(differs) + ". Figures, seconds above all, may not compare.\n"
    return out


def _seeds(rows: Sequence[Row]) -> str:
    seeds = sorted({row["seed"] for row in rows if row.get("seed") is not None})
    if not seeds:
        return "no seeds"
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def made_by(rows: Sequence[Row], paths: Sequence[Path], output: Path) -> str:
    """Return the commands that made the rows and this report, the machine and the versions."""
    made = commands(rows) or ["# the rows do not say"]
    names = " ".join(_relative(path) for path in paths)
    again = f"python -m benchmarks report {names} --output {_relative(output)}"
    lines = ["The rows:", "", "```sh", *made, "```", "", "This report:", "", "```sh", again, "```"]
    facts = {name: sorted({_fact(row, name) for row in rows}) for name in (*MACHINE, *VERSIONS)}
    devices = sorted({str(row.get("device") or "unknown") for row in rows})
    machine = ", ".join(f"{name} {' / '.join(facts[name])}" for name in MACHINE)
    versions = ", ".join(f"{name} {' / '.join(facts[name])}" for name in VERSIONS)
    lines += ["", f"Machine: {machine}; trained on {' / '.join(devices)}.", "",
              f"Versions: {versions}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _relative(path: Path) -> str:
    root = Path(__file__).parent.parent.parent
    resolved = Path(path).resolve()
    if resolved.is_relative_to(root):
        return str(resolved.relative_to(root))
    return f"FOLDER/{resolved.name}"


def failures(rows: Sequence[Row]) -> Sheet | None:
    """List the failed fits, those of one error together; None if there are none."""
    failed = [row for row in rows if row.get("error")]
    if not failed:
        return None
    several = len({row.get("true_ratio") for row in rows}) > 1
    names = {}
    for row, of_set, column in zip(rows, name_sets(rows), name_columns(rows), strict=True):
        ratio = f", true ratio {row.get('true_ratio')}" if several else ""
        names[id(row)] = (of_set + ratio, str(column))
    seeds: dict[tuple[str, str, str], list] = defaultdict(list)
    for row in failed:
        last = next(iter(reversed(str(row["error"]).strip().splitlines())), "unknown")
        text = strip_path(last)
        seeds[*names[id(row)], text if len(text) <= 200 else text[:197] + "..."].append(row["seed"])
    return Sheet(
        f"Failed fits: {len(failed)} of {len(rows)}",
        ["data set", "detector", "seeds", "error"],
        [
            [Text(of_set), Text(column), Text(", ".join(map(str, of_error))), Text(error)]
            for (of_set, column, error), of_error in seeds.items()
        ],
    )
