"""Checks of values that compiled code trusts: shapes in headers, indices, states of generators."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._saving._archive import unpack
from lofe_sklearn.exceptions import ModelFileError

_WORDS = 624  # of the state of numpy's Mersenne Twister


def check_arrays(members: Mapping[str, bytes]) -> None:
    """Raise ModelFileError unless every array is as long as its header says, and of numbers."""
    for name, content in members.items():
        if name.endswith(".npy"):
            _check_array(name, content)
        elif name.endswith(".npz"):
            check_arrays(unpack(content))


def _check_array(name: str, content: bytes) -> None:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ModelFileError(f"its array {name} is of version {version}, which is not read")
    shape, _, dtype = readers[version](file)
    expected = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or len(content) - file.tell() != expected:
        raise ModelFileError(
            f"its array {name} does not fit its header, which says {dtype} of shape {shape}"
        )


def check_trees(nodes: Iterable[dict[str, Any]], members: Mapping[str, bytes]) -> None:
    """Raise ModelFileError unless decision trees have as many class counts as outputs.

    scikit-learn reads them when it makes the tree, before the content can be checked.
    """
    for node in nodes:
        if node["__loader__"] != "TreeNode":
            continue
        _, n_classes, n_outputs = node["__reduce__"]["args"]["content"]
        counts = np.load(io.BytesIO(members[n_classes["file"]]), allow_pickle=False)
        if counts.shape != (int(n_outputs["content"]),) or not (counts >= 1).all():
            raise ModelFileError("a decision tree's outputs do not fit its classes")


def check_objects(loaded: Any) -> None:
    """Check what was loaded, and rebuild parts that should not come from a file.

    Raises
    ------
    ModelFileError
        If a decision tree, a sparse matrix or a random generator would read foreign memory when it
        is used, or if a cache folder is set.
    """
    for value in all_within(loaded):
        kind = f"{type(value).__module__}.{type(value).__name__}"
        if kind == "sklearn.tree._tree.Tree":
            _check_tree(value)
        elif hasattr(value, "tree_") and hasattr(value, "n_features_in_"):
            if value.n_features_in_ != value.tree_.n_features:
                raise ModelFileError("a decision tree is for another number of features")
        elif isinstance(value, np.random.RandomState):
            check_generator(value)
        elif sparse.issparse(value):
            _check_sparse(value)
        elif getattr(value, "memory", None) is not None:
            raise ModelFileError(f"the {type(value).__name__} in it names a cache folder")
        elif getattr(value, "_tree", "") is None and hasattr(value, "_fit_method"):
            _build_search_tree(value)


def check_generator(generator: np.random.RandomState) -> None:
    """Raise ModelFileError if a generator's next number would lie outside its state."""
    state: Any = generator.get_state(legacy=False)
    if state["bit_generator"] != "MT19937" or not 0 <= state["state"]["pos"] <= _WORDS:
        raise ModelFileError("the state of a generator of random numbers is not valid")


def all_within(value: Any) -> Iterator[Any]:
    """Yield an object and all that it holds, each once."""
    seen: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or value is None or isinstance(value, (str, int, float, bytes)):
            continue
        seen[id(value)] = value
        yield value
        if isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set)):
            waiting.extend(value)
        elif isinstance(value, np.ndarray):
            waiting.extend(value.ravel() if value.dtype == object else ())
        elif not isinstance(value, type):
            waiting.extend(getattr(value, "__dict__", {}).values())


def _check_tree(tree: Any) -> None:
    n_nodes = tree.node_count
    if not 1 <= n_nodes <= tree.capacity or tree.n_features < 1:
        raise ModelFileError("a decision tree has another number of nodes than it says")
    number = np.arange(n_nodes)
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    # Children come after their parent, so that every path ends.
    fits = (
        (right[~inner] == -1).all()
        and (left[inner] > number[inner]).all()
        and (right[inner] > number[inner]).all()
        and (left[inner] < n_nodes).all()
        and (right[inner] < n_nodes).all()
        and (feature[inner] >= 0).all()
        and (feature[inner] < tree.n_features).all()
    )
    if not fits:
        raise ModelFileError("a decision tree refers to nodes or features that are not there")


def _check_sparse(matrix: Any) -> None:
    if matrix.format not in ("csr", "csc"):
        raise ModelFileError(f"a sparse matrix of format {matrix.format} is not loaded")
    matrix.check_format(full_check=True)


def _build_search_tree(neighbours: Any) -> None:
    """Build the tree of a fitted nearest neighbours search, as its fit does."""
    from sklearn.neighbors import BallTree, KDTree

    kinds = {"kd_tree": KDTree, "ball_tree": BallTree}
    if neighbours._fit_method in kinds:
        neighbours._tree = kinds[neighbours._fit_method](
            neighbours._fit_X,
            neighbours.leaf_size,
            metric=neighbours.effective_metric_,
            **neighbours.effective_metric_params_,
        )
