"""`python -m benchmarks study NAME`: run a study, or show what is in its result file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import runner
from benchmarks.arguments import at_least_one
from benchmarks.ledger import RESULTS, Row, read
from benchmarks.sets import SetError, choose, those_there
from benchmarks.studies import STUDIES, description
from benchmarks.study import Axis, Cell, Study, results


def add_to(commands: Any) -> None:
    """Add `study` to the commands, with the options of each study."""
    listing = commands.add_parser("study", help="run a study, or show its tables")
    listing.set_defaults(action=list_studies)
    names = listing.add_subparsers(metavar="NAME")
    for study in STUDIES.values():
        parser = names.add_parser(
            study.name,
            help=study.purpose,
            description=description(study),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(action=run_study, study=study)
        chosen = parser.add_argument_group("what to run or show (default: the study's choice)")
        for name, axis in study.axes.items():
            _add_axis(chosen, name, axis)
        _add_rest(parser, study)


def _add_axis(group: Any, name: str, axis: Axis) -> None:
    if name == "dataset":
        group.add_argument("--sets", nargs="+", help="names, patterns, or .npz files with X and y")
    elif name == "seed":
        group.add_argument("--seeds", type=at_least_one, help="how many")
        group.add_argument("--first-seed", type=int, default=0)
    else:
        group.add_argument(
            f"--{axis.option or name.replace('_', '-') + 's'}",
            dest=f"axis_{name}",
            nargs="+",
            type=_reader(axis),
            choices=axis.choices,
            metavar=None if axis.choices else name.upper(),
        )


def _reader(axis: Axis) -> Callable[[str], Any]:
    """Return what reads one value: of the type of those there are, "none" for None."""
    kind = next((type(value) for value in axis.choices or axis.values if value is not None), str)

    def read_value(text: str) -> Any:
        return None if text == "none" else kind(text)

    read_value.__name__ = kind.__name__  # which argparse's message shows
    return read_value


def _add_rest(parser: argparse.ArgumentParser, study: Study) -> None:
    how = parser.add_argument_group("how")
    if study.is_kept:
        how.add_argument("--show", action="store_true", help="only show what is in the file")
        how.add_argument("--jobs", type=at_least_one, default=1, help="workers of one thread each")
        how.add_argument("--output", type=Path, help=f"default: {RESULTS.name}/{study.name}.jsonl")
        how.add_argument("--retry-errors", action="store_true", help="do failed cells once more")
        how.add_argument("--again", action="store_true", help="do finished cells once more")
        how.add_argument(
            "--mix-versions", action="store_true", help="go on with another version's file"
        )
    if study.figure:
        how.add_argument("--figure", type=Path, help="draw the rows into this file, too")
    if study.against:
        how.add_argument(
            "--against", type=Path, metavar="CHECKOUT", help="compare with another checkout"
        )
    how.add_argument("--dry-run", action="store_true", help="only list the cells")


def list_studies(options: argparse.Namespace, command: str) -> int:
    """Print a line for each study."""
    print("Studies: python -m benchmarks study NAME")
    for study in STUDIES.values():
        print(f"  {study.name:20} {sum(1 for _ in study.cells()):5} cells  {study.purpose}")
    return 0


def run_study(options: argparse.Namespace, command: str) -> int:
    """Run or show a study; 1 if one of its cells failed."""
    study: Study = options.study
    chosen = _chosen(options)
    if getattr(options, "against", None):
        return study.against(list(study.cells(chosen)), options.against)
    if options.dry_run:
        for cell in study.cells(chosen):
            print(cell)
        return 0
    if not study.is_kept:
        lines = [line for cell in _cells(options, chosen) for line in cell.run(command)]
    elif options.show:
        lines = [line for line in read([_file(options)]) if _is_chosen(line, study, chosen)]
    else:
        lines = runner.run(
            _cells(options, chosen),
            _file(options),
            command=command,
            what="cells",
            n_jobs=options.jobs,
            retry_errors=options.retry_errors,
            again=options.again,
            mix_versions=options.mix_versions,
        )
    return _show(study, lines, getattr(options, "figure", None))


def _chosen(options: argparse.Namespace) -> dict[str, list[Any]]:
    """Return the values of the axes that the command line chooses."""
    axes, chosen = options.study.axes, {}
    for name in axes:
        values = getattr(options, f"axis_{name}", None)
        if values is not None:
            chosen[name] = values
    if "dataset" in axes and options.sets:
        chosen["dataset"] = choose(options.sets, tuple(axes["dataset"].values))
    if "seed" in axes and (options.seeds or options.first_seed):
        n_seeds = options.seeds or len(axes["seed"].values)
        chosen["seed"] = range(options.first_seed, options.first_seed + n_seeds)
    return chosen


def _cells(options: argparse.Namespace, chosen: dict[str, list[Any]]) -> list[Cell]:
    """Return the cells whose set is there. One that is asked for by name must be."""
    cells = list(options.study.cells(chosen))
    if not cells:
        raise SetError(f"the study {options.study.name} has no cell with all of these values.")
    names = dict.fromkeys(cell.fields["dataset"] for cell in cells if "dataset" in cell.fields)
    there, missing = those_there(names)
    for reason in missing.values():
        if options.sets is not None or not there:
            raise SetError(reason)
        print(f"benchmarks: left out, {reason}", file=sys.stderr)
    return [cell for cell in cells if cell.fields.get("dataset") not in missing]


def _file(options: argparse.Namespace) -> Path:
    return options.output or RESULTS / f"{options.study.name}.jsonl"


def _is_chosen(line: Row, study: Study, chosen: dict[str, list[Any]]) -> bool:
    return line.get("study") == study.name and all(
        line["cell"][name] in values for name, values in chosen.items()
    )


def _show(study: Study, lines: list[Row], figure: Path | None) -> int:
    n_failed = sum(bool(line["error"]) for line in lines)
    rows = results(lines)
    if rows:
        print(study.tables(rows))
        if figure:
            figure.parent.mkdir(parents=True, exist_ok=True)
            study.figure(rows, figure)
            print(f"\n{figure}")
    print(f"\n{len(lines)} cells, {n_failed} of them failed.")
    for line in lines:
        if line["error"]:
            print(f"failed: {line['cell']}: {line['error']}", file=sys.stderr)
    return int(n_failed > 0)
