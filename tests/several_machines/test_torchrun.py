"""The recipe of the page for one large model, started by torchrun as users start it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recipes import recipe

import lofe_sklearn
from lofe_sklearn import LOE, DeepSVDD

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(0).normal(size=(203, 4))
KILL = "import os\nif os.environ['RANK'] == '1':\n    os.kill(os.getpid(), 9)\n"


def start(folder, program, code):
    np.save(folder / "rows.npy", ROWS)
    (folder / "train.py").write_text(code)
    return subprocess.run(
        [sys.executable, *program, "train.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(lofe_sklearn.__file__).parents[1]),
            "OMP_NUM_THREADS": "1",
        },
    )


TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]


@pytest.mark.all_trees  # as the other processes have
@pytest.mark.parametrize("program", [TORCHRUN, []], ids=["two-processes", "one-process"])
def test_the_recipe(tmp_path, program):
    pytest.importorskip("skops")
    done = start(tmp_path, program, recipe("torchrun"))
    assert done.returncode == 0, done.stderr
    size = 2 if program else 1
    rows = np.concatenate([ROWS[rank::size] for rank in range(size)])
    expected = LOE(DeepSVDD(batch_size=1024), contamination=0.02, random_state=0).fit(rows)
    scores, loaded = expected.score_samples(rows), lofe_sklearn.load(tmp_path / "model.lofe")
    # Over a whole training a row's label may flip.
    np.testing.assert_allclose(loaded.score_samples(rows), scores, atol=1e-2 * np.ptp(scores))
    np.testing.assert_array_equal(loaded.predict(rows), expected.predict(rows))


def test_a_process_that_is_killed(tmp_path):
    """torchrun ends the others, and says which it was."""
    killed = start(tmp_path, TORCHRUN, KILL + recipe("torchrun"))
    assert killed.returncode != 0
    assert "rank      : 1" in killed.stderr
    assert not (tmp_path / "model.lofe").exists()
