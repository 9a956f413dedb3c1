"""A file is written whole, or stays as it was."""

import errno
import io
import json
import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import lofe_sklearn
from lofe_sklearn import DeepSVDD, ModelFileError, RealNVP
from lofe_sklearn._command_line._score_files import writing_scores
from lofe_sklearn._saving._atomic import write_whole

needs_packages = pytest.mark.skipif(
    not all(__import__("importlib").util.find_spec(name) for name in ("skops", "safetensors")),
    reason="skops and safetensors are not installed",
)


class FullDisk:
    """A file that takes some bytes and no more."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fill_the_disk(monkeypatch):
    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *arguments: FullDisk(opened(*arguments)))


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.lofe"
    write_whole(path, b"old", "save")
    fill_the_disk(monkeypatch)
    said = "save: .*model.lofe could not be written: No space left .* that was there is unchanged"
    with pytest.raises(OSError, match=said) as raised:
        write_whole(path, b"new content", "save")
    assert raised.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.lofe"]
    path.unlink()
    with pytest.raises(OSError, match="No file was left"):
        write_whole(path, b"new content", "save")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "Input/output error")])
def test_an_interruption_leaves_the_old_file(step, error, tmp_path, monkeypatch):
    path = tmp_path / "model.lofe"
    path.write_bytes(b"old")

    def stop(*_, **__):
        raise error

    monkeypatch.setattr(os, step, stop)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write_whole(path, b"new", "save")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.lofe"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
@pytest.mark.parametrize("step", ["open", "fsync"])
def test_a_folder_that_cannot_be_written_out_is_no_error(step, tmp_path, monkeypatch):
    path, plain = tmp_path / "model.lofe", getattr(os, step)

    def refuse(what, *arguments, **options):
        is_folder = os.path.isdir(what) if step == "open" else stat.S_ISDIR(os.fstat(what).st_mode)
        if is_folder:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return plain(what, *arguments, **options)

    monkeypatch.setattr(os, step, refuse)
    write_whole(path, b"new", "save")
    assert path.read_bytes() == b"new"


def test_permissions(tmp_path):
    new, kept = tmp_path / "new", tmp_path / "kept"
    before = os.umask(0o027)
    try:
        write_whole(new, b"1", "save")
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    kept.write_bytes(b"old")
    kept.chmod(0o604)
    write_whole(kept, b"1", "save")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o604


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make links")
def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "model")
    write_whole(link, b"1", "save")
    assert link.is_symlink()
    assert (tmp_path / "real" / "model").read_bytes() == b"1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
@pytest.mark.parametrize("ending", ["", ".csv"])
def test_pipes_and_devices_are_written_to_and_not_replaced(ending, tmp_path):
    pipe, got = tmp_path / f"pipe{ending}", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    if ending:
        with writing_scores(pipe) as scores:
            scores._path.write_bytes(b"content")
    else:
        write_whole(pipe, b"content", "save")
    reader.join(timeout=20)
    assert got == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == [pipe.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_a_full_device_is_named():
    with pytest.raises(
        OSError, match="save: /dev/full could not be written: No space left"
    ) as full:
        write_whole("/dev/full", b"content", "save")
    assert full.value.errno == errno.ENOSPC


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make links")
def test_scores_keep_a_link_and_permissions(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_bytes(b"old")
    real.chmod(0o604)
    link.symlink_to(real)
    with writing_scores(link) as scores:
        scores._path.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o604


@needs_packages
def test_what_is_no_path_of_a_file(contaminated, tmp_path):
    detector = DeepSVDD(max_epochs=1).fit(contaminated[0])
    for call in (
        lambda path: lofe_sklearn.save(detector, path),
        lofe_sklearn.load,
        lambda path: lofe_sklearn.to_onnx(detector, path),
    ):
        with pytest.raises(TypeError, match="path must be the name of a file, .*; got BytesIO"):
            call(io.BytesIO())
    with pytest.raises(IsADirectoryError, match="load: path must be that of a file"):
        lofe_sklearn.load(tmp_path)
    with pytest.raises(TypeError, match="to_onnx: fitted must be a fitted detector"):
        lofe_sklearn.to_onnx(tmp_path, detector)


def test_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*mkdir\(parents=True\)"):
        write_whole(tmp_path / "a" / "model", b"", "save")
    with pytest.raises(IsADirectoryError, match="must be that of a file"):
        write_whole(tmp_path, b"", "save")
    (tmp_path / "file").write_bytes(b"old")
    for below in ("model", "a/model"):
        with pytest.raises(NotADirectoryError, match=r"save: .*model is below .*file, which is no"):
            write_whole(tmp_path / "file" / below, b"", "save")


@pytest.mark.parametrize("name", ["x" * 250, "文" * 82, "🙂" * 60])
@pytest.mark.parametrize("ending", ["", ".csv", ".parquet"])
def test_names_as_long_as_disks_take_them(name, ending, tmp_path):
    path = tmp_path / (name[: len(name) - len(ending)] + ending)
    try:
        path.write_bytes(b"old")
    except OSError:
        pytest.skip("this disk takes shorter names only")
    if ending:
        with writing_scores(path) as scores:
            scores._path.write_bytes(b"new")
    else:
        write_whole(path, b"new", "save")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_too_long(tmp_path):
    path = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="save: .* could not be written: File name too long"):
        write_whole(path, b"", "save")
    with pytest.raises(FileNotFoundError, match="load: there is no file"):
        lofe_sklearn.load(path)


@needs_packages
def test_what_cannot_be_stored_leaves_the_old_file(contaminated, tmp_path, monkeypatch):
    path = tmp_path / "model.lofe"
    detector = DeepSVDD(max_epochs=1).fit(contaminated[0])
    lofe_sklearn.save(detector, path)
    before = path.read_bytes()
    detector.more_ = object()
    with pytest.raises(ModelFileError, match=r"DeepSVDD.more_: an object of builtins.object"):
        lofe_sklearn.save(detector, path)
    del detector.more_
    fill_the_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        lofe_sklearn.save(detector, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@needs_packages
@pytest.mark.slow
def test_a_fresh_process_loads_it_without_what_it_does_not_need(contaminated, tmp_path):
    X, _ = contaminated
    detector = RealNVP(max_epochs=1, random_state=0).fit(X)
    lofe_sklearn.save(detector, tmp_path / "model")
    code = (
        f"import lofe_sklearn; model = lofe_sklearn.load({str(tmp_path / 'model')!r}); "
        "import json, sys; loaded = list(sys.modules); "
        f"print(json.dumps([loaded, model.score_samples({X[:3].tolist()}).tolist()]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    loaded, scores = json.loads(shown)
    assert "torch" in loaded
    assert not {*loaded} & {"torch._dynamo", "sympy", "skops.io", "sklearn.ensemble"}
    # A GPU may choose another order of sums in another process.
    np.testing.assert_allclose(scores, detector.score_samples(X[:3]), rtol=1e-12)
