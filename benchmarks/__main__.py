"""Benchmarks of lofe_sklearn: run a suite or a study, and show what came out.

python -m benchmarks list
python -m benchmarks run paper-tabular --jobs 2
python -m benchmarks report benchmarks/results/paper-tabular.jsonl
python -m benchmarks study cleaning
python -m benchmarks study cleaning --show
python -m benchmarks figure peers docs/images/peers.png
"""

from __future__ import annotations

import argparse
import errno
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import runner
from benchmarks.arguments import assumed_ratio, at_least_one, parameters
from benchmarks.detectors import METHODS, SETTINGS, check
from benchmarks.fits import PROTOCOLS, stacks
from benchmarks.ledger import RESULTS, LedgerError
from benchmarks.peers.detectors import NotInstalledError, PeerError
from benchmarks.sets import SetError, choose, those_there
from benchmarks.standalone import CheckoutError
from benchmarks.studies import command_line
from benchmarks.suites import SUITES, Suite

# The pictures of benchmarks.figures, which is imported only to draw: it needs matplotlib.
FIGURES = ("peers", "backbones", "images", "growth", "losses", "paper-tabular", "reasons")
# A full disk, a quota, and the largest size of a file.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; return the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments[:2] == ["run", "speed"]:
            from benchmarks import speed

            return speed.main(arguments[2:])
        options = parser().parse_args(arguments)
        return options.action(options, shlex.join(["python", "-m", "benchmarks", *arguments]))
    except (CheckoutError, LedgerError, PeerError, SetError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(
            f"benchmarks: {error}. What is finished is kept; make room and start the same command "
            "again.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(
            "benchmarks: interrupted. What is finished is kept; the same command goes on from "
            "there.",
            file=sys.stderr,
        )
        return 130


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="list the suites and the studies")
    listing.set_defaults(action=list_all)

    run = commands.add_parser("run", help="run a suite, or go on with it")
    run.set_defaults(action=run_suite)
    run.add_argument("suite", choices=[*SUITES, "speed"])
    chosen = run.add_argument_group("what to run (default: the suite's own choice)")
    chosen.add_argument("--sets", nargs="+", help="names, patterns, or .npz files with X and y")
    chosen.add_argument("--detectors", nargs="+", help="names, or package.module:Class")
    chosen.add_argument("--methods", nargs="+", choices=METHODS)
    chosen.add_argument("--protocol", choices=PROTOCOLS)
    chosen.add_argument("--setting", choices=SETTINGS, help="LOE's options: the paper's or its own")
    chosen.add_argument("--ratios", nargs="+", type=float, help="true shares of anomalies")
    chosen.add_argument(
        "--assumed", nargs="+", type=assumed_ratio, help="a ratio, 'true' or 'auto'"
    )
    chosen.add_argument("--params", nargs="+", metavar="NAME=VALUE", help="of the detectors")
    chosen.add_argument("--seeds", type=at_least_one, help="how many")
    chosen.add_argument("--first-seed", type=int, default=0)
    chosen.add_argument("--max-rows", type=int, help="of each set; 0 for all rows of all sets")
    chosen.add_argument("--device")
    how = run.add_argument_group("how")
    how.add_argument("--jobs", type=at_least_one, default=1, help="workers, of one thread each")
    how.add_argument(
        "--stack", type=at_least_one, default=20, help="most models trained in one stack"
    )
    how.add_argument("--output", type=Path, help="default: benchmarks/results/SUITE.jsonl")
    how.add_argument("--retry-errors", action="store_true", help="do failed fits once more")
    how.add_argument(
        "--mix-versions", action="store_true", help="go on with another version's file"
    )
    how.add_argument("--dry-run", action="store_true", help="only list the fits")

    report = commands.add_parser("report", help="write tables and plots from result files")
    report.set_defaults(action=write_reports)
    report.add_argument("files", nargs="+", type=Path)
    report.add_argument("--output", type=Path, default=RESULTS, help="folder of the reports")
    report.add_argument("--metrics", nargs="+", choices=("roc_auc", "average_precision", "f1"))

    figure = commands.add_parser("figure", help="draw a picture of the rows on file")
    figure.set_defaults(action=draw_figure)
    figure.add_argument("name", choices=FIGURES, help="what to draw")
    figure.add_argument("file", type=Path, help="the picture, such as peers.png")

    command_line.add_to(commands)
    return top


def list_all(options: argparse.Namespace, command: str) -> int:
    """Print a line for each suite and each study."""
    print("Suites: python -m benchmarks run NAME")
    for suite in SUITES.values():
        print(f"  {suite.name:20} {sum(1 for _ in suite.fits()):5} fits   {suite.purpose}")
    print(f"  {'speed':20}              training and scoring time, memory, for 1e3 to 1e6 rows")
    print()
    return command_line.list_studies(options, command)


def run_suite(options: argparse.Namespace, command: str) -> int:
    """Run the fits of a suite; 1 if one of them failed."""
    suite = chosen_suite(options)
    fits = list(suite.fits())
    if options.dry_run:
        for fit in fits:
            print(fit)
        return 0
    suite = suite.with_choices(detectors=_those_installed(suite, options.detectors is not None))
    # What is not there is known before anything is run. A set asked for by name must be there.
    there, missing = those_there(suite.sets, suite.max_rows or None)
    for reason in missing.values():
        if options.sets is not None or not there:
            raise SetError(reason)
        print(f"benchmarks: left out, {reason}", file=sys.stderr)
    fits = list(suite.with_choices(sets=there).fits())
    rows = runner.run(
        fits,
        options.output or RESULTS / f"{suite.name}.jsonl",
        command=command,
        pack=partial(stacks, size=options.stack),
        n_jobs=options.jobs,
        retry_errors=options.retry_errors,
        mix_versions=options.mix_versions,
    )
    n_failed = sum(bool(row["error"]) for row in rows)
    print(f"{len(rows)} rows, {n_failed} of them failed.")
    return int(n_failed > 0)


def _those_installed(suite: Suite, all_of_them: bool) -> tuple[str, ...]:
    """Return the suite's detectors, those whose library is missing only if all must be there."""
    installed = []
    for detector in suite.detectors:
        try:
            check(detector, suite.params)
        except NotInstalledError as error:
            if all_of_them:
                raise
            print(f"benchmarks: left out, {detector}: {error}", file=sys.stderr)
        else:
            installed.append(detector)
    return tuple(installed)


def chosen_suite(options: argparse.Namespace) -> Suite:
    """Return the suite with what the command line chooses."""
    suite = SUITES[options.suite]
    seeds = None
    if options.seeds is not None or options.first_seed:
        n_seeds = len(suite.seeds) if options.seeds is None else options.seeds
        seeds = tuple(range(options.first_seed, options.first_seed + n_seeds))
    return suite.with_choices(
        sets=choose(options.sets, suite.sets),
        detectors=_tuple(options.detectors),
        methods=_tuple(options.methods),
        protocols=None if options.protocol is None else (options.protocol,),
        setting=options.setting,
        ratios=_tuple(options.ratios),
        assumed=None if options.assumed is None else tuple(options.assumed),
        params=parameters(options.params) if options.params else None,
        seeds=seeds,
        max_rows=options.max_rows,
        device=options.device,
    )


def write_reports(options: argparse.Namespace, command: str) -> int:
    """Write the reports and print where they are."""
    from benchmarks.reports import write_report

    for path in write_report(options.files, options.output, metrics=options.metrics):
        print(path)
    return 0


def draw_figure(options: argparse.Namespace, command: str) -> int:
    """Draw one picture of the rows on file, and print where it is."""
    from benchmarks.figures import DRAWINGS

    DRAWINGS[options.name].from_file(options.file)
    print(options.file)
    return 0


def _tuple(values: list | None) -> tuple | None:
    return None if values is None else tuple(values)


if __name__ == "__main__":
    sys.exit(main())
