"""Reports of result files: figures that are known beforehand."""

import re

import numpy as np
import pytest
from scipy import stats

from benchmarks.ledger import Ledger, LedgerError
from benchmarks.reports import ReportError, anchors, write_report
from benchmarks.reports.curves import Curves, Misspecified
from benchmarks.reports.grid import make_grid, name_columns, name_sets, strip_path
from benchmarks.reports.origin import clean_command, failures, mixed
from benchmarks.reports.ranks import (
    compare,
    critical_difference,
    friedman,
    iman_davenport,
    rank_rows,
    runs,
    wilcoxon_holm,
)
from benchmarks.reports.tables import grid_sheets, latex_escape

FACTS = {"processor": "A CPU", "cores": "2", "threads": "1", "gpu": "", "python": "3.11.7",
         "torch": "2.13", "scikit-learn": "1.9", "numpy": "2.4", "lofe-sklearn": "0.1"}  # fmt: skip


def row(dataset, detector, value=0.5, seed=0, **others):
    figures = dict.fromkeys(("roc_auc", "average_precision", "f1"), value)
    return {
        "suite": "adbench", "protocol": "unsupervised", "dataset": dataset, "max_rows": None,
        "detector": detector, "method": "", "setting": "", "params": {}, "true_ratio": None,
        "assumed_ratio": None, "seed": seed, "device": "cpu", "fit_wall_seconds": 2.0,
        "fit_cpu_seconds": 1.0, "error": "", "time": "2026-01-02T03:04:05",
        "command": "/opt/my/python -m benchmarks run adbench --data /srv/x/y", **FACTS, **figures,
        **others,
    }  # fmt: skip


def failed(dataset, detector, error, **others):
    return row(dataset, detector, None, error=error, **others)


def paper_row(dataset, method, value, detector="NeuTraL", **others):
    ratio = {"true_ratio": 0.1, "assumed_ratio": 0.1, **others}
    return row(dataset, detector, value, suite="paper-tabular", protocol="loe_tabular",
               method=method, **ratio)  # fmt: skip


@pytest.fixture
def report(tmp_path):
    """Rows through a result file to the text of their report, and the files written."""

    def make(rows, **options):
        with Ledger(tmp_path / "rows.jsonl", mix_versions=True) as ledger:
            for each in rows:
                ledger.add(each)
        written = write_report([tmp_path / "rows.jsonl"], tmp_path / "out", **options)
        assert all(path.stat().st_size for path in written)
        text = next(path for path in written if path.suffix == ".md").read_text()
        text = text.replace("\u00a0", " ")
        return text, {path.name for path in written}

    return make


# Demšar (2006), table 6: AUC of C4.5, with m, with cf and with both, from memory. The ranks of
# the last two in the paper need them not to tie on the 13th set, where both are .975 as rounded:
# .9751 stands for that. The mean ranks and the statistic below are the paper's.
DEMSAR = np.array([
    [.763, .768, .771, .798], [.599, .591, .590, .569], [.954, .971, .968, .967],
    [.628, .661, .654, .657], [.882, .888, .886, .898], [.936, .931, .916, .931],
    [.661, .668, .609, .685], [.583, .583, .563, .625], [.775, .838, .866, .875],
    [1, 1, 1, 1], [.940, .962, .965, .962], [.619, .666, .614, .669],
    [.972, .981, .9751, .975], [.957, .978, .946, .970],
])  # fmt: skip


def test_demsars_worked_example():
    ranks = rank_rows(DEMSAR).mean(axis=0)
    np.testing.assert_allclose(ranks, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    # The paper's statistic has no correction for ties.
    plain = 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 5**2 / 4)
    assert plain == pytest.approx(9.28, abs=0.005)
    assert iman_davenport(plain, 14, 4)[0] == pytest.approx(3.69, abs=0.005)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, level=0.1) == pytest.approx(1.12, abs=0.005)
    # The paper too: at 5 % Nemenyi's test tells none of them apart.
    found = compare(DEMSAR, ["C4.5", "m", "cf", "m+cf"])
    assert found.significant
    assert found.names == ["m+cf", "m", "cf", "C4.5"]
    assert found.groups == [(0, 3)]


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_nemenyis_values_are_those_of_the_table(k, q):
    assert critical_difference(k, 1) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=1.1e-3)


def test_friedman_is_scipys():
    scores = np.random.default_rng(0).normal(size=(14, 5)).round(1)
    expected = stats.friedmanchisquare(*scores.T)
    assert friedman(scores) == pytest.approx((expected.statistic, expected.pvalue))
    assert compare(scores, list("abcde")).statistic == pytest.approx(expected.statistic)


def test_constants_and_perfect_orders():
    found = compare(np.full((5, 3), 0.5), list("abc"))
    assert (found.statistic, found.p_value, found.groups) == (0.0, 1.0, [(0, 2)])
    found = compare(np.tile(np.arange(4.0), (20, 1)), list("abcd"))
    assert found.p_value == 0
    assert found.names == list("dcba")
    assert found.groups == [(0, 1), (1, 2), (2, 3)]


def test_too_little_to_compare():
    with pytest.raises(ValueError, match="three detectors and two sets"):
        compare(np.ones((5, 2)), ["a", "b"])
    with pytest.raises(ValueError, match="missing"):
        compare(np.array([[1, 2, np.nan], [1, 2, 3]]), list("abc"))


def test_wilcoxon_with_holms_correction():
    scores = np.random.default_rng(1).normal(size=(15, 3)) + [0, 0.5, 2]
    raw = {
        (i, j): stats.wilcoxon(scores[:, i], scores[:, j]).pvalue
        for i, j in [(0, 1), (0, 2), (1, 2)]
    }
    low, middle, high = sorted(raw, key=raw.get)
    found = wilcoxon_holm(scores)
    assert found[low] == pytest.approx(min(3 * raw[low], 1))
    assert found[middle] == pytest.approx(min(max(3 * raw[low], 2 * raw[middle]), 1))
    assert found[high] == pytest.approx(min(max(found[middle], raw[high]), 1))
    np.testing.assert_array_equal(found, found.T)


def test_runs_are_the_longest_ones():
    different = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) > 2
    assert runs(different) == [(0, 2), (1, 3), (2, 4)]
    assert runs(~np.eye(4, dtype=bool)) == []


def test_means_ranks_wins_and_bold():
    rows = [row("a", "P", v, seed=s) for s, v in enumerate([0.7, 0.9])]
    rows += [row("b", "P", 0.60), row("a", "Q", 0.80004), row("b", "Q", 0.70)]
    grid = make_grid(rows, "roc_auc")
    p, q = grid.columns
    assert grid.cells["a", p].mean == pytest.approx(80)
    assert grid.cells["a", p].std == pytest.approx(np.std([70, 90], ddof=1))
    assert np.isnan(grid.cells["b", p].std)
    summary = grid.summary()
    assert summary[p] == pytest.approx({"mean": 70, "rank": 1.75, "wins": 1, "wall": 2, "cpu": 1})
    assert summary[q] == pytest.approx({"mean": 75, "rank": 1.25, "wins": 2, "wall": 2, "cpu": 1})
    (sheet,) = grid_sheets(grid)
    text = sheet.markdown().replace("\u00a0", " ")
    assert "| a | **80.0 ± 14.1** | **80.0** |" in text  # a tie as rounded
    assert "| b | 60.0 | **70.0** |" in text
    assert "| *mean rank* | 1.75 | **1.25** |" in text
    assert "less" not in text
    assert "Q on a (1 of 2)" in text


def test_missing_sets_and_failed_fits(report):
    rows = [row(s, d, 0.5 + i / 10) for i, d in enumerate("PQR") for s in "abc"]
    rows = [r for r in rows if (r["dataset"], r["detector"]) != ("c", "R")]
    rows += [failed("c", "R", "Traceback ...\nMemoryError: no room for /srv/a/b.npz", seed=s)
             for s in (0, 1)]  # fmt: skip
    rows += [row("a", "Rare", 0.99)]
    text, _ = report(rows)
    assert "over the 2 of 3 sets on which every detector has a result" in text
    assert "On too few sets to be counted in them: Rare." in text
    assert "Without a result: R on c." in text
    assert "failed†" in text
    assert "## Failed fits: 2 of 11" in text
    assert "| c | R | 0, 1 | MemoryError: no room for FOLDER/b.npz |" in text
    assert "11 fits, 2 of them failed" in text


def test_many_detectors_are_summed_up_first(report):
    rng = np.random.default_rng(0)
    rows = [row(f"adbench:{i}_set{i}", f"pyod.D{d}", rng.uniform()) for i in range(6)
            for d in range(20)]  # fmt: skip
    text, names = report(rows)
    assert names == {"adbench.md", "adbench.tex", "adbench_cd_roc_auc.png",
                     "adbench_cd_average_precision.png"}  # fmt: skip
    widths = {line.count("|") - 1 for line in text.splitlines() if line.startswith("| ")}
    assert max(widths) <= 8
    assert text.index("in the order of the mean ranks") < text.index("part 1 of 3")
    for d in range(20):
        assert f"D{d} (pyod)" in text


def test_names_say_only_what_differs():
    rows = [
        row("adbench:6_cardio", "pyod.KNN"),
        row("adbench:6_cardio", "NeuTraL", method="soft", params={"lr": 0.1}),
        row("odds:cardio", "NeuTraL", method="soft"),
        row("file:/srv/mine.npz", "a.b:Own", max_rows=5000),
    ]
    assert [str(c) for c in name_columns(rows)] == [
        "KNN (pyod)", "NeuTraL, soft (lr=0.1)", "NeuTraL, soft", "Own (a)"]  # fmt: skip
    assert name_sets(rows) == ["adbench:6_cardio", "adbench:6_cardio", "odds:cardio", "mine"]
    capped = [row("wine", "P"), row("wine", "P", max_rows=5000)]
    assert name_sets(capped) == ["wine (all rows)", "wine (at most 5,000 rows)"]
    ratios = [row("wine", "LOE", assumed_ratio=r, true_ratio=0.1) for r in (0.1, 0.3, None)]
    assert [c.qualifier for c in name_columns(ratios)] == [
        "knows the ratio", "assumes 0.3", "finds the ratio"]  # fmt: skip
    # Each set's own ratio makes no detectors of its own.
    own = [row("wine", "LOE", assumed_ratio=0.1), row("glass", "LOE", assumed_ratio=0.05)]
    assert len(set(name_columns(own))) == 1


def test_latex(report, tmp_path):
    report([row("5_a&b", d, 0.5 + i / 10) for i, d in enumerate(("P_1", "Q"))])
    text = (tmp_path / "out" / "adbench.tex").read_text()
    assert r"5\_a\&b & 50.0 & \textbf{60.0} \\" in text
    assert r"P\_1" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\end{table}")
    assert latex_escape(r"\{~^%$#") == (
        r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}\%\$\#"
    )
    body = re.sub(r"\\.|^%.*$", "", text, flags=re.M)
    assert not re.search(r"[_%#±†]", re.sub(r"\\label\{.*?\}|tab:[\w-]+", "", body))


def test_the_papers_figures_beside_ours(report):
    theirs = anchors.paper_tabular()["wine", "NeuTraL", "soft"]
    rows = [
        paper_row("odds:wine", "soft", (theirs - 10) / 100),
        paper_row("odds:thyroid", "soft", 0.824),
        paper_row("odds:nowhere", "soft", 0.1),
        # Neither these sets nor this ratio are the paper's.
        paper_row("adbench:45_wine", "soft", 0.9),
        paper_row("odds:wine", "soft", 0.9, true_ratio=0.2, assumed_ratio=0.2),
    ]
    text, _ = report(rows)
    assert theirs == 92.0
    assert "| NeuTraL, soft | 2 | 82.2 | 87.2 | -5.0 | 1 | 0 |" in text
    assert "| *mean, same sets* | 82.2 (87.2) |" in text
    assert "points below the paper: NeuTraL, soft: odds:wine 82.0 (92.0)." in text
    assert "Mean F1, per cent, over the sets" not in report(rows, paper=False)[0]


def test_own_choices_of_backbones_beside_the_papers_best(report):
    theirs = anchors.paper_tabular()["wine", "NeuTraL", "soft"]
    rows = [paper_row("odds:wine", "", 0.7, detector=name) for name in ("LOE", "LOE.of_kinds")]
    text = report(rows)[0].replace("\\_", "_")
    for name in ("LOE", "LOE.of_kinds"):
        assert f"| {name} | 1 | 70.0 | {theirs} | -22.0 | 1 | 0 |" in text
        assert f"F1, per cent: {name}, ours (the paper's NeuTraL, soft)" in text
        assert f"points below the paper: {name}: wine 70.0 ({theirs})." in text
    assert "Beside LOE's own choices of backbones: the paper's NeuTraL, soft." in text


def test_published_detectors_in_one_order(report):
    knn = anchors.adbench("unsupervised", "roc_auc")["kNN"]
    sets = ["adbench:6_cardio", "adbench:4_breastw", "adbench:45_wine"]
    text, _ = report([row(s, "LOE", 0.999) for s in [*sets, "adbench:1_own"]])
    mean = np.mean([knn[s] for s in ("cardio", "breastw", "wine")])
    assert "over the same 3 sets: this run and Livernoche et al. 2024" in text
    assert f"| kNN | Livernoche et al. 2024 | {mean:.1f} |" in text
    order = [line for line in text.splitlines() if "| this run |" in line or "| kNN | Liv" in line]
    assert order[0] == "| **LOE** | this run | **99.9** |"
    # Peers were measured on two of the three: beside ours on the same.
    assert "of peers measured before" in text or "this run and peers measured before" in text
    assert not anchors.adbench("adbench_split", "roc_auc")


def test_curves(report):
    rows = [
        row("odds:thyroid", "NeuTraL", 0.8 - r, seed, suite="contamination-curve",
            protocol="loe_tabular", method=m, true_ratio=r, assumed_ratio=r)
        for r in (0.0, 0.05, 0.1) for m in ("soft", "blind") for seed in (0, 1)
    ]  # fmt: skip
    text, names = report(rows)
    assert "contamination-curve_curve.png" in names
    assert "| true ratio | blind | soft |" in text
    assert "| 5 % | **75.0 ± 0.0 (54.7)** | **75.0 ± 0.0 (80.3)** |" in text
    curves = Curves(rows, "roc_auc")
    assert not any(curves.paper.values())  # the paper has F1 of thyroid
    with pytest.raises(ReportError, match="true ratio"):
        report([row("a", "P", suite="contamination-curve", seed=7)])


def test_misspecification(report):
    rows = [
        row("odds:thyroid", "NeuTraL", 0.8 - abs(a - t), suite="misspecification",
            protocol="loe_tabular", method="soft", true_ratio=t, assumed_ratio=a)
        for t in (0.1, 0.2) for a in (0.1, 0.2, 0.4)
    ]  # fmt: skip
    found = Misspecified(rows, "f1")
    ((of_set, column),) = found.grids
    assert (of_set, str(column)) == ("thyroid", "NeuTraL, soft")
    np.testing.assert_allclose(found.values(of_set, column), [[80, 70, 50], [70, 80, 60]])
    np.testing.assert_allclose(found.drops(of_set, column), [[0, -10, -30], [-10, 0, -20]])
    text, names = report(rows)
    assert "misspecification_thyroid_f1.png" in names
    assert "| 10 % | **80.0** | 70.0 (-10.0) | 50.0 (-30.0) |" in text
    assert "| NeuTraL, soft | - | -10.0 | -15.0 | -30.0 |" in text


def test_where_rows_come_from(report):
    rows = [row(s, d, seed=seed) for s in "ab" for d in "PQ" for seed in range(3)]
    rows[0] = rows[0] | {"torch": "2.12", "processor": "Another"}
    text, _ = report(rows)
    assert "python -m benchmarks run adbench --data FOLDER/y" in text
    assert "python -m benchmarks report FOLDER/rows.jsonl --output FOLDER/out" in text
    assert "12 fits, 0 of them failed; seeds 0 to 2, 2026-01-02" in text
    assert "**Mixed:**" in text
    assert "torch 2.12 (1 fit), 2.13 (11 fits)" in text
    assert "/srv" not in text
    assert "/opt" not in text
    assert "/tmp" not in text
    assert not mixed(rows[1:])
    assert failures(rows) is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/a/b/python3 -m benchmarks run x", "python -m benchmarks run x"),
        ("python -m b --data=/a/b/c.npz '/d e/f g.npz'", "--data=FOLDER/c.npz 'FOLDER/f g.npz'"),
        ("python -m b --data ~/x/y file:/p/q.npz ../z", "--data FOLDER/y file:FOLDER/q.npz ../z"),
        ("python -m b 'unclosed /a/b/c", "'unclosed FOLDER/c"),
    ],
)
def test_commands_name_no_folders_of_this_machine(command, expected):
    assert expected in clean_command(command)


def test_web_addresses_stay():
    assert strip_path("see https://a.org/b/c and /x/y/z") == "see https://a.org/b/c and FOLDER/z"


def test_one_seed_and_two_detectors(report):
    text, names = report([row(s, d, 0.5) for s in "abc" for d in "PQ"])
    assert names == {"adbench.md", "adbench.tex"}
    assert "±" not in text.split("\n## ", 1)[1]
    assert "Figures are of this one seed" in text
    assert "No critical-difference diagram: it compares three detectors or more" in text
    assert "p = 1.000" in text


def test_one_set_has_no_diagram(report):
    text, names = report([row("a", d) for d in "PQR"])
    assert "it needs two sets or more" in text
    assert not [name for name in names if name.endswith(".png")]


def test_constant_scores_are_drawn(report):
    text, names = report([row(s, d) for s in "abc" for d in "PQR"])
    assert "adbench_cd_roc_auc.png" in names
    assert "does not tell the detectors apart" in text


def test_rows_without_a_metric_say_so(report):
    text, _ = report([row("a", "P", None), row("a", "Q", None)])
    assert "No row has ROC AUC or average precision." in text


def test_metrics_are_chosen(report):
    rows = [row(s, d) for s in "abc" for d in "PQR"]
    text, names = report(rows, metrics=["f1"])
    assert "F1, per cent" in text
    assert "ROC AUC, per cent" not in text
    assert "adbench_cd_f1.png" in names
    with pytest.raises(ReportError, match="unknown metric 'auc'; there are f1, roc_auc"):
        report(rows, metrics=["auc"])


def test_several_suites_and_protocols(report):
    rows = [row(s, d) for s in "abc" for d in "PQR"]
    others = [r | {"protocol": "one_class"} for r in rows]
    third = [r | {"suite": "mine"} for r in rows]
    text, names = report(rows + others + third)
    assert {"adbench.md", "mine.md", "adbench_one_class_cd_roc_auc.png",
            "mine_cd_roc_auc.png"} <= names  # fmt: skip
    assert "## Trained on half of the normal rows" in text


def test_nothing_to_report(report, tmp_path):
    with pytest.raises(ReportError, match=r"no rows in .*rows\.jsonl\. Make some"):
        report([])
    with pytest.raises(ReportError, match=r"every fit of adbench failed \(1\).*OSError"):
        report([failed("a", "P", "OSError: x")])
    with pytest.raises(LedgerError, match="cannot be read"):
        write_report([tmp_path / "none.jsonl"], tmp_path)


def test_a_repeated_fit_counts_once(report):
    text, _ = report([row("a", "P", 0.1), row("a", "P", 0.9)])
    assert "1 fit, 0 of them failed" in text
    assert "90.0" in text
    assert "10.0" not in text.split("## Where")[0].split("Livernoche")[0]
