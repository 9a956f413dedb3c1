"""Estimators of scikit-learn and skrub in a file: as skops writes them, from a closed list.

skops audits the types in its files. In addition, indices that compiled code uses without checks are
checked here, so that a file cannot make a prediction read foreign memory.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from lofe_sklearn._errors_of_others import is_of_memory
from lofe_sklearn._saving._archive import pack, unpack
from lofe_sklearn._saving._memory_safety import (
    all_within,
    check_arrays,
    check_objects,
    check_trees,
)
from lofe_sklearn._saving._skops_members import schema_and_files
from lofe_sklearn._saving._vocabularies import unpack_vocabularies, with_packed_vocabularies
from lofe_sklearn.exceptions import ModelFileError

# Modules of scikit-learn whose estimators compute with arrays in Python, or whose compiled parts
# are checked. So libsvm, histogram boosting and k-means are excluded.
_SKLEARN = re.compile(
    r"sklearn\.(preprocessing|impute|compose|pipeline|feature_extraction|feature_selection"
    r"|covariance|mixture|linear_model|random_projection|kernel_approximation|tree\._classes"
    r"|decomposition\._(base|pca|incremental_pca|truncated_svd|factor_analysis|fastica)"
    r"|neighbors\._(unsupervised|lof)|ensemble\._(iforest|forest)"
    r"|model_selection\._(search|split)|dummy|base|isotonic|frozen)\b.*"
)
# Types that skops asks its users about; they hold plain data, or data that is checked here.
_TRUSTED = (
    "datetime.timedelta",
    "datetime.timezone",
    "numpy.dtype",
    "pandas.DatetimeTZDtype",
    "zoneinfo.ZoneInfo",
    "sklearn.tree._tree.Tree",
    *(
        f"sklearn.model_selection._split.{name}"
        for name in (
            *("KFold", "StratifiedKFold", "RepeatedKFold", "RepeatedStratifiedKFold"),
            *("ShuffleSplit", "StratifiedShuffleSplit", "GroupKFold", "StratifiedGroupKFold"),
            *("GroupShuffleSplit", "LeaveOneOut", "LeaveOneGroupOut", "TimeSeriesSplit"),
            "PredefinedSplit",
        )
    ),
    *(f"polars.datatypes.classes.{name}" for name in ("Date", "Datetime", "Duration")),
    "skrub._apply_to_cols.ApplyToCols",
    "skrub._apply_to_each_col.ApplyToEachCol",
    "skrub._apply_sub_frame.ApplyToSubFrame",
    "skrub._apply_to_sub_frame.ApplyToSubFrame",
    "skrub._check_input.CheckInputDataFrame",
    "skrub._clean_categories.CleanCategories",
    "skrub._clean_null_strings.CleanNullStrings",
    "skrub._dataframe._common.is_any_date",
    "skrub._dataframe._common.is_bool",
    "skrub._dataframe._common.is_categorical",
    "skrub._dataframe._common.is_duration",
    "skrub._dataframe._common.is_float",
    "skrub._dataframe._common.is_integer",
    "skrub._dataframe._common.is_numeric",
    "skrub._dataframe._common.is_object",
    "skrub._dataframe._common.is_string",
    "skrub._datetime_encoder.DatetimeEncoder",
    "skrub._datetime_encoder._CircularEncoder",
    "skrub._datetime_encoder._SplineEncoder",
    "skrub._drop_uninformative.DropUninformative",
    "skrub._duration_to_float.DurationToFloat",
    "skrub._gap_encoder.GapEncoder",
    "skrub._minhash_encoder.MinHashEncoder",
    "skrub._select_cols.Drop",
    "skrub._select_cols.DropCols",
    "skrub._select_cols.SelectCols",
    "skrub._similarity_encoder.SimilarityEncoder",
    "skrub._squashing_scaler.SquashingScaler",
    "skrub._string_encoder.StringEncoder",
    "skrub._table_vectorizer.Cleaner",
    "skrub._table_vectorizer.PassThrough",
    "skrub._table_vectorizer.ShortReprDict",
    "skrub._table_vectorizer.TableVectorizer",
    "skrub._table_vectorizer._created_by_predicate",
    "skrub._to_categorical.ToCategorical",
    "skrub._to_datetime.ToDatetime",
    "skrub._to_float.ToFloat",
    "skrub._to_str.ToStr",
    "skrub._utils.LRUDict",
    *(
        f"skrub.selectors._base.{name}"
        for name in ("All", "And", "Cols", "Filter", "Inv", "NameFilter", "Or", "Sub", "XOr")
    ),
    "skrub.selectors._selectors._cardinality_below",
)
# Stands for search trees, which are built again from their rows.
_NONE = {
    "__class__": "str",
    "__module__": "builtins",
    "__loader__": "JsonNode",
    "content": "null",
    "is_json": True,
}


def check_installed(owner: str) -> None:
    """Raise ImportError if the packages that files need are not there.

    skops is not imported: it imports all of scikit-learn, which is slow, and a file without steps
    of scikit-learn does not need it.
    """
    if any(find_spec(package) is None for package in ("skops", "safetensors")):
        raise ImportError(
            f"{owner}: files of models need the packages skops and safetensors. Install them with: "
            "pip install 'lofe-sklearn[save]'"
        )


def is_allowed(path: str) -> bool:
    """Whether the class of an estimator, by module and name, may be in a file."""
    return path in _TRUSTED or (path.startswith("sklearn.") and bool(_SKLEARN.fullmatch(path)))


def dump_step(value: Any, where: str) -> bytes:
    """Return a skops file of an object; equal objects give equal bytes.

    Raises
    ------
    ModelFileError
        If it holds something that is not in the list; the message says what.
    """
    import skops.io

    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        schema, members = schema_and_files(with_packed_vocabularies(value))
    except Exception as error:  # of many kinds, depending on the object's content
        if is_of_memory(error):
            raise
        raise ModelFileError(f"{where}: {kind} cannot be stored safely: {error}") from error
    data = _canonical(schema, members)
    refused = sorted({*skops.io.get_untrusted_types(data=data)} - {*_TRUSTED} | _unlisted(schema))
    if refused:
        raise ModelFileError(
            f"{where}: {', '.join(refused)} cannot be stored: a file of a model holds estimators "
            "of scikit-learn and skrub whose content can be checked, and no functions. Use another "
            "one, or pickle the model. A class of your own, or this one if you trust every file "
            "that you will load, can be named: save(..., trusted=[...]) and load(..., "
            "trusted=[...])"
        )
    return data


def load_step(data: bytes) -> Any:
    """Return the object of a skops file.

    Raises
    ------
    ModelFileError
        If it holds types that are not in the list, or values that would crash a prediction.
    """
    import skops.io
    import skops.io.exceptions

    members = unpack(data)
    check_arrays(members)
    schema = json.loads(members["schema.json"])
    refused = _unlisted(schema)
    if refused:
        raise ModelFileError(f"it holds {', '.join(sorted(refused))[:500]}, which is not loaded")
    check_trees(_nodes(schema), members)
    try:
        loaded = skops.io.loads(data, trusted=list(_TRUSTED))
    except skops.io.exceptions.UntrustedTypesFoundException as error:
        raise ModelFileError(f"it holds what is not loaded: {str(error)[:500]}") from error
    check_objects(loaded)
    unpack_vocabularies(all_within(loaded))
    return loaded


def _canonical(schema: dict[str, Any], members: dict[str, bytes]) -> bytes:
    """Return the file, with objects numbered by order, not by place in memory.

    The schema is changed so, too.
    """
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    for node in _nodes(schema):
        content = node.get("content")
        if isinstance(content, dict) and "_tree" in content and "_fit_method" in content:
            content["_tree"] = dict(_NONE)
    for node in _nodes(schema):
        if node["__loader__"] == "JsonNode":  # equal numbers may be one Python object or two
            node.pop("__id__", None)
        elif isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            node["file"] = files.setdefault(node["file"], f"{len(files)}.{suffix}")
    text = json.dumps(schema, separators=(",", ":"), allow_nan=False).encode()
    kept = {new: _with_fixed_times(new, members[old]) for old, new in files.items()}
    return pack({"schema.json": text, **kept})


def _with_fixed_times(name: str, content: bytes) -> bytes:
    """Return a member that is a zip itself, a sparse matrix, as `pack` writes it."""
    if not name.endswith(".npz"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return pack({part: archive.read(part) for part in archive.namelist()})


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a schema of skops', each before those within it."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                yield value
            value = list(value.values())
        waiting += [part for part in reversed(value) if type(part) in (dict, list)]


def _unlisted(schema: Any) -> set[str]:
    """Return the estimators of scikit-learn in a schema that are not in the list."""
    paths = {f"{node.get('__module__')}.{node.get('__class__')}" for node in _nodes(schema)}
    return {path for path in paths if path.startswith("sklearn.") and not is_allowed(path)}
