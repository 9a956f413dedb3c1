"""What `make test-wheel` runs: the installed wheel takes a table from file to scores."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import lofe_sklearn
from lofe_sklearn.datasets import load_thyroid, make_transactions


def main() -> None:
    installed = Path(lofe_sklearn.__file__)
    assert "site-packages" in installed.parts, installed
    assert (installed.parent / "py.typed").exists()
    assert load_thyroid().data.shape == (3772, 6)  # bundled data

    lofe = shutil.which("lofe", path=sysconfig.get_path("scripts"))
    assert lofe, "the wheel has no command lofe"
    make_transactions(300, random_state=0)[0].to_csv("today.csv", index=False)
    fit = [lofe, "fit", "today.csv", "--model", "m.lofe", "--top", "3", "--report", "report.html"]
    subprocess.run(fit, check=True)
    subprocess.run([lofe, "score", "today.csv", "--model", "m.lofe", "--top", "3"], check=True)
    assert Path("report.html").stat().st_size > 1000


# pytest imports this file when it looks for doctests, where no wheel is installed.
if __name__ == "__main__":
    main()
