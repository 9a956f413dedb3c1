"""The commands and their options. What is slow to import is imported by a command's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lofe_sklearn import __version__
from lofe_sklearn._command_line._exits import reported_errors

_EXIT_CODES = (
    "Exit codes: 0 done, 1 unexpected error, 2 wrong options, 3 data that cannot be used, 4 a "
    "model file that cannot be used, 5 a file that cannot be written, 6 a package is missing, 130 "
    "interrupted, 141 the reader of the output has closed the pipe."
)

program = typer.Typer(
    help="Find anomalies in files of rows: CSV (also .gz), Parquet, .npz.",
    epilog=_EXIT_CODES,
    rich_markup_mode=None,  # plain help, at once
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="A .csv, .csv.gz, .tsv, .txt, .parquet or .npz file.")
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="COLUMN", help="Column that names rows; no feature is made of it."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the scores of all rows, in their order: .csv or .parquet."
    ),
]
Top = Annotated[int, typer.Option(min=0, metavar="N", help="How many rows to print.")]
Reasons = Annotated[
    int, typer.Option(min=0, metavar="N", help="Most reasons for each printed row; 0 for none.")
]
FalseAlarmRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Share of new normal rows that may be flagged, such as .01: sets the threshold by "
        "rows that the model was not trained on.",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --false-alarm-rate: a file of such rows, normal as far as possible. Without it "
        "`lofe fit` trains further models on five parts of the rows.",
    ),
]
Separator = Annotated[
    str, typer.Option(metavar="SIGN", help="Between the fields of a CSV file: auto, or , ; | tab.")
]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Of a CSV file.")]
Decimal = Annotated[
    str,
    typer.Option(
        metavar="SIGN",
        help="Decimal sign of numbers in a CSV file: . or , (with a comma, 1.013 is 1013).",
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No summary and no notes on stderr.")]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"lofe_sklearn {__version__}")
        raise typer.Exit


@program.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@program.command(epilog=_EXIT_CODES)
def fit(
    data: Data,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save the model there, for `lofe score`; say m.lofe."),
    ] = None,
    top: Top = 20,
    reasons: Reasons = 3,
    id_column: Id = None,
    contamination: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Share of anomalies: auto, a number such as .05, or an interval such as .01,.2",
        ),
    ] = "auto",
    false_alarm_rate: FalseAlarmRate = None,
    calibration: Calibration = None,
    known: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of known labels: 1, true, yes, anomaly, anomalous, abnormal or outlier; "
            "0, false, no, normal or inlier; empty, unknown or ? where the label is not known. No "
            "feature is made of it.",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column to leave out; may be given more than once."),
    ] = None,
    output: Output = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report, one .html page that needs no others."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Seed of the training.")
    ] = 0,
    device: Device = "auto",
    separator: Separator = "auto",
    encoding: Encoding = "utf-8",
    decimal: Decimal = ".",
    quiet: Quiet = False,
) -> None:
    """Train on a file, and print its most anomalous rows with reasons and probabilities."""
    with reported_errors():
        from lofe_sklearn._command_line._false_alarms import AlarmOptions
        from lofe_sklearn._command_line._fit_command import FitOptions, run_fit
        from lofe_sklearn._command_line._table_files import ReadingOptions

        how = ReadingOptions(separator, encoding, decimal)
        run_fit(
            FitOptions(
                data=data,
                how=how,
                model=model,
                top=top,
                reasons=reasons,
                id_column=id_column,
                contamination=contamination,
                alarms=AlarmOptions(false_alarm_rate, calibration),
                known=known,
                ignore=tuple(ignore or ()),
                output=output,
                report=report,
                seed=seed,
                device=device,
                quiet=quiet,
            )
        )


@program.command(epilog=_EXIT_CODES)
def score(
    data: Data,
    model: Annotated[Path, typer.Option(metavar="FILE", help="A model of `lofe fit`.")],
    top: Top = 20,
    reasons: Reasons = 3,
    id_column: Id = None,
    false_alarm_rate: FalseAlarmRate = None,
    calibration: Calibration = None,
    output: Output = None,
    chunk_rows: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Rows in memory at a time. Scores do not depend on it."
        ),
    ] = 20_000,
    device: Device = "auto",
    separator: Separator = "auto",
    encoding: Encoding = "utf-8",
    decimal: Decimal = ".",
    quiet: Quiet = False,
) -> None:
    """Score the rows of a file by a model, and print the most anomalous ones."""
    with reported_errors():
        from lofe_sklearn._command_line._false_alarms import AlarmOptions
        from lofe_sklearn._command_line._score_command import ScoreOptions, run_score
        from lofe_sklearn._command_line._table_files import ReadingOptions

        how = ReadingOptions(separator, encoding, decimal)
        run_score(
            ScoreOptions(
                data=data,
                how=how,
                model=model,
                top=top,
                reasons=reasons,
                id_column=id_column,
                alarms=AlarmOptions(false_alarm_rate, calibration),
                output=output,
                chunk_rows=chunk_rows,
                device=device,
                quiet=quiet,
            )
        )


@program.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def demo(context: typer.Context) -> None:
    """Train detectors on bundled data, and show what LOE does. It has options of its own."""
    from lofe_sklearn._command_line._demo_command import run_demo

    with reported_errors():
        run_demo(context.args)
