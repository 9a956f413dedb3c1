"""`save` and `load`: a fitted estimator as one file that holds no code."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn import engine
from lofe_sklearn._errors_of_others import is_of_memory
from lofe_sklearn._saving._archive import pack, unpack
from lofe_sklearn._saving._atomic import check_path, write_whole
from lofe_sklearn._saving._classes import Classes
from lofe_sklearn._saving._decoder import Decoder
from lofe_sklearn._saving._encoder import Encoder
from lofe_sklearn._saving._steps import check_installed
from lofe_sklearn._types import FilePath
from lofe_sklearn._versions import current_version, warn_of_other_version
from lofe_sklearn.exceptions import ModelFileError

_FORMAT = "lofe_sklearn model"
# The version of the format: it grows when earlier code cannot read new files.
_FORMAT_VERSION = 1
# Packages whose versions can change scores.
_PACKAGES = ("scikit-learn", "skrub", "torch", "numpy", "skops", "safetensors")


def save(fitted: Any, path: FilePath, *, trusted: Sequence[Any] = ()) -> None:
    """Write a fitted detector, or a Pipeline with one, to a file that is safe to load.

    Unlike a pickle, the file holds no code: numbers are stored as safetensors [1]_, the steps of
    scikit-learn and skrub by skops [2]_ and all else as JSON. It needs
    ``pip install 'lofe-sklearn[save]'``.

    Parameters
    ----------
    fitted : estimator
        A fitted `LOE`, backbone, `LOESearchCV`, Pipeline, or another estimator of this package.
    path : str or path
        The file to write; ``.lofe`` is the usual ending. A file that is there is replaced in one
        step, so that a full disk or an interruption leaves it as it was.
    trusted : list of classes and functions, default=()
        Your own classes and functions in the model: a backbone, a transformer of a Pipeline, a
        label rule. Only their names are stored. Define them in a module, and pass them to `load`
        again.

    Raises
    ------
    ModelFileError
        If something in the model cannot be stored safely; the message says where and what. Nothing
        is written then. It is a ``ValueError``.
    NotFittedError
        If the estimator is not fitted.
    ImportError
        If skops or safetensors is not installed.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    Saving the same model twice gives the same bytes.

    References
    ----------
    .. [1] https://huggingface.co/docs/safetensors
    .. [2] https://skops.readthedocs.io/en/stable/persistence.html

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import lofe_sklearn
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = lofe_sklearn.DeepSVDD(max_epochs=2, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "thyroid.lofe"
    >>> lofe_sklearn.save(detector, path)
    >>> loaded = lofe_sklearn.load(path)
    >>> bool((loaded.score_samples(X) == detector.score_samples(X)).all())
    True
    """
    check_estimator_given(fitted, "estimator, such as LOE().fit(X), or a Pipeline with one", "save")
    check_path(path, "save")
    check_installed("save")
    check_is_fitted(fitted)
    classes = Classes(trusted, "save")
    encoder = Encoder(classes)
    name = type(fitted).__name__
    try:
        root = encoder.encode(fitted, name)
    except RecursionError as error:
        raise ModelFileError(f"save: {name} is nested too deeply to be stored.") from error
    content = pack(_members(encoder, root, fitted))
    _check_round_trip(content, classes, encoder)
    write_whole(path, content, "save")


def load(path: FilePath, *, trusted: Sequence[Any] = (), device: str | None = None) -> Any:
    """Read a model that `save` has written. No code of the file is run.

    Parameters
    ----------
    path : str or path
        The file.
    trusted : list of classes and functions, default=()
        Your own classes and functions in the model, as given to `save`.
    device : str, optional
        The device that the model computes on from now on, such as ``"cpu"`` for a model that was
        fitted with ``device="cuda"``. Default: the device of the fit.

    Returns
    -------
    fitted : estimator
        With the parameters and attributes of the one that was saved. On the same machine, with the
        same versions, its scores are the same to the last bit.

    Raises
    ------
    ModelFileError
        If the file is not a model file, is damaged, has a newer format, or holds classes that are
        not allowed. The error is a ``ValueError``.
    FileNotFoundError
        If there is no such file.
    PermissionError
        If the file, or its folder, may not be read.
    ImportError
        If a package that the model needs is not installed.
    MemoryError
        If there is not enough memory for the model; nothing is wrong with the file then.

    Warns
    -----
    InconsistentVersionWarning
        scikit-learn's warning, if another version of this package or of scikit-learn wrote the
        file.

    See Also
    --------
    save : Writes the file; see there for an example.

    Notes
    -----
    Types are looked up in a closed list, arrays have to fit their headers, nothing may expand to
    more than 50 times its size, and indices that compiled code uses are checked. Whether the model
    is any good is not checked: do not trust the scores of a stranger's model.
    """
    check_installed("load")
    classes = Classes(trusted, "load")
    if device is not None:
        engine.resolve_device(device, "load")
    content = _content_of(path)
    try:
        decoder, manifest, root = _opened(content, classes, device)
        loaded = decoder.decode(root)
    except ImportError:
        raise
    except Exception as error:  # of many kinds: the file can hold anything
        if is_of_memory(error):
            raise
        reason = str(error).strip() or type(error).__name__
        if not isinstance(error, ModelFileError):
            reason = f"it is damaged or not a model file ({type(error).__name__}: {reason[:300]})"
        raise ModelFileError(f"load: {path} cannot be loaded: {reason.rstrip('.')}.") from error
    _warn_of_versions(Path(path), manifest)
    return loaded


def check_estimator_given(fitted: Any, expected: str, owner: str) -> None:
    """Raise TypeError for a class, or for what is no estimator at all."""
    if isinstance(fitted, type) or not hasattr(fitted, "get_params"):
        got = fitted.__name__ if isinstance(fitted, type) else type(fitted).__name__
        raise TypeError(f"{owner}: fitted must be a fitted {expected}; got {got}.")


def _content_of(path: FilePath) -> bytes:
    check_path(path, "load")
    file = Path(path)
    if os.path.isdir(file):
        raise IsADirectoryError(f"load: path must be that of a file; {file} is a folder.")
    try:
        return file.read_bytes()
    except PermissionError as error:
        what = f"load: there is no permission to read {file}."
        raise PermissionError(error.errno, what) from error
    except (OSError, ValueError) as error:
        if os.path.exists(file):  # of any name, too long ones included
            raise
        raise FileNotFoundError(f"load: there is no file {file}.") from error


def _members(encoder: Encoder, root: Any, fitted: Any) -> dict[str, bytes]:
    import safetensors.numpy
    import safetensors.torch

    members = {
        "model.json": json.dumps(root, separators=(",", ":"), allow_nan=False).encode(),
        "arrays.safetensors": safetensors.numpy.save(encoder.arrays),
        "tensors.safetensors": safetensors.torch.save(encoder.tensors),
        **{f"step_{i}.skops": step for i, step in enumerate(encoder.steps)},
    }
    manifest = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "lofe_sklearn": current_version(),
        "model": type(fitted).__name__,
        "packages": _packages(b"skrub" in b"".join(encoder.steps)),
        "trusted": sorted(encoder.classes.trusted),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    return {"manifest.json": json.dumps(manifest, indent=1).encode(), **members}


def _packages(with_skrub: bool) -> dict[str, str]:
    names = [name for name in _PACKAGES if name != "skrub" or with_skrub]
    return {name: importlib.metadata.version(name) for name in names}


def _opened(
    content: bytes, classes: Classes, device: str | None = None
) -> tuple[Decoder, dict[str, Any], Any]:
    """Return the decoder of a file, its manifest, and the values to decode."""
    import safetensors.numpy
    import safetensors.torch

    members = unpack(content)
    manifest = json.loads(members.pop("manifest.json"))
    _check_manifest(manifest, members)
    n_steps = len(members) - 3
    with engine.plain_torch():  # empty tensors would be made on the default device
        tensors = safetensors.torch.load(members["tensors.safetensors"])
    decoder = Decoder(
        classes,
        safetensors.numpy.load(members["arrays.safetensors"]),
        tensors,
        [members[f"step_{i}.skops"] for i in range(n_steps)],
        device,
    )
    return decoder, manifest, json.loads(members["model.json"])


def _check_manifest(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
    if manifest.get("format") != _FORMAT:
        raise ModelFileError("it was not written by lofe_sklearn.save")
    if manifest["format_version"] != _FORMAT_VERSION:
        raise ModelFileError(
            f"it is of format {manifest['format_version']}, written by lofe_sklearn "
            f"{manifest['lofe_sklearn']}; this is lofe_sklearn {current_version()}, which reads "
            f"format {_FORMAT_VERSION}. Install the version that wrote it, or a newer one"
        )
    if manifest["sha256"].keys() != members.keys():
        raise ModelFileError("its members are not those that it lists")
    for name, data in members.items():
        if hashlib.sha256(data).hexdigest() != manifest["sha256"][name]:
            raise ModelFileError(f"its member {name} is damaged: the checksum differs")
    if "skrub" in manifest["packages"]:
        _import_skrub()


def _import_skrub() -> None:
    try:
        importlib.import_module("skrub")
    except ImportError as error:
        raise ImportError(
            "load: the model holds steps of skrub. Install it with: pip install skrub"
        ) from error


def _warn_of_versions(path: Path, manifest: Mapping[str, Any]) -> None:
    written = {"lofe_sklearn": manifest["lofe_sklearn"], **manifest["packages"]}
    now = {"lofe_sklearn": current_version(), **_packages(with_skrub="skrub" in written)}
    differ = [
        name
        for name in ("lofe_sklearn", "scikit-learn", "skrub")
        if written.get(name) != now.get(name)
    ]
    if differ:
        warn_of_other_version(
            f"The model {path.name}",
            ", ".join(f"{name} {written.get(name)}" for name in differ),
            ", ".join(f"{name} {now.get(name)}" for name in differ),
        )


def _check_round_trip(content: bytes, classes: Classes, encoder: Encoder) -> None:
    """Raise ModelFileError if the encoded model cannot be read, or would compute other scores."""
    decoder, _, root = _opened(content, classes)
    try:
        decoder.decode(root)
    except Exception as error:  # a class of the user may raise anything
        if is_of_memory(error):
            raise
        raise ModelFileError(f"save: the model could not be read again: {error}.") from error
    for before, after in zip(encoder.owners, decoder.owners, strict=True):
        if not type(before).__module__.startswith("lofe_sklearn."):
            _check_same_losses(before, after)


def _check_same_losses(before: Any, after: Any) -> None:
    """Raise ModelFileError if the values do not determine the network of a user's backbone."""
    rows = np.random.default_rng(0).normal(size=(4, before.n_features_in_))
    cpu = torch.device("cpu")
    own, again = (
        np.stack(engine.losses(one.module_, rows, scaling=None, device=cpu))
        for one in (before, after)
    )
    if not np.array_equal(own, again, equal_nan=True):
        name = type(before.module_).__name__
        raise ModelFileError(
            f"save: {name}, built again with the same parameters and buffers, computes other "
            f"losses. Everything that training changes in {name} must be a parameter or a buffer "
            "(register_buffer), since nothing else is stored."
        )
