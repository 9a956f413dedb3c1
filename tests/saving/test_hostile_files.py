"""Files that are damaged, made up or meant to do harm: an error that names the file, no more."""

import hashlib
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from conftest import FEW_TREES, slow_but
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lofe_sklearn
from lofe_sklearn import (
    DTE,
    GOAD,
    ICL,
    LOE,
    TCCM,
    AutoEncoder,
    DeepSVDD,
    MHRot,
    ModelFileError,
    NeuTraL,
    RealNVP,
)
from lofe_sklearn._saving._archive import pack, unpack
from lofe_sklearn._saving._memory_safety import check_objects

pytest.importorskip("skops", reason="skops is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

X = np.random.default_rng(0).normal(size=(40, 4))


@pytest.fixture(scope="module")
def model():
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, init=FEW_TREES, random_state=0)
    detector.fit(X)
    detector.forest_ = FEW_TREES.fit(X)
    detector.neighbours_ = NearestNeighbors().fit(X)
    return detector


@pytest.fixture(scope="module")
def content(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.lofe"
    lofe_sklearn.save(model, path)
    return path.read_bytes()


def load_bytes(data, folder):
    (folder / "some.lofe").write_bytes(data)
    return lofe_sklearn.load(folder / "some.lofe")


def rewritten(content, change):
    """Return a file whose members `change` has changed, with checksums that are right."""
    members = unpack(content)
    change(members)
    manifest = json.loads(members["manifest.json"])
    manifest["sha256"] = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in members.items()
        if name != "manifest.json"
    }
    members["manifest.json"] = json.dumps(manifest).encode()
    return pack(members)


def test_rewriting_alone_changes_nothing(content, model, tmp_path):
    loaded = load_bytes(rewritten(content, lambda members: None), tmp_path)
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))


damages = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1, exclude_max=True), st.integers(0, 7)),
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(0)),
    st.tuples(st.just("insert"), st.floats(0, 1, exclude_max=True), st.integers(0, 255)),
    st.tuples(st.just("overwrite"), st.floats(0, 1, exclude_max=True), st.integers(0, 255)),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(damages, min_size=1, max_size=3))
def test_damage_is_noticed_or_changes_nothing(content, model, tmp_path, changes):
    data = bytearray(content)
    for kind, where, what in changes:
        place = int(where * len(data))
        if kind == "flip" and data:
            data[place] ^= 1 << what
        elif kind == "cut":
            del data[place:]
        elif kind == "insert":
            data.insert(place, what)
        else:
            data[place : place + 20] = bytes([what] * 20)
    try:
        loaded = load_bytes(bytes(data), tmp_path)
    except ModelFileError as error:
        assert "some.lofe cannot be loaded" in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))


@pytest.mark.parametrize("part", slow_but([5], [0, 5]))
def test_each_byte_of_the_directory(part, content, model, tmp_path):
    """The end of a zip says where its members are."""
    expected = model.score_samples(X)
    start = content.rindex(b"PK\x01\x02")
    for place in range(start, len(content)):
        data = bytearray(content)
        data[place] ^= 1 << part
        try:
            loaded = load_bytes(bytes(data), tmp_path)
        except ModelFileError:
            continue
        np.testing.assert_array_equal(loaded.score_samples(X), expected)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_not_executed(content, tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path / "executed"))
    for data in (bomb, rewritten(content, lambda m: m.update({"step_0.skops": bomb}))):
        with pytest.raises(ModelFileError, match="some.lofe cannot be loaded"):
            load_bytes(data, tmp_path)
    objects = io.BytesIO()
    np.save(objects, np.array([Bomb(tmp_path / "executed")], dtype=object), allow_pickle=True)

    def plant(members):
        inner = unpack(members["step_0.skops"])
        first = next(name for name in inner if name.endswith(".npy"))
        inner[first] = objects.getvalue()
        members["step_0.skops"] = pack(inner)

    with pytest.raises(ModelFileError, match="does not fit its header"):
        load_bytes(rewritten(content, plant), tmp_path)
    assert not (tmp_path / "executed").exists()


def zip_of(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "damaged"),
        (b"PK", "damaged"),
        (b"not a zip" * 100, "damaged"),
        (zip_of(), "damaged"),
        (zip_of(("/etc/passwd", b"")), "name is not allowed"),
        (zip_of(("../up", b"")), "name is not allowed"),
        (zip_of(("a/b", b"")), "name is not allowed"),
        (zip_of(("manifest.json", b"{}")), "not written by lofe_sklearn.save"),
        (zip_of(("manifest.json", b"[]")), "damaged"),
        (zip_of(("manifest.json", b"[" * 100_000)), "damaged"),
        (zip_of(("manifest.json", b'{"a":' * 100_000)), "damaged"),
        (zip_of(("manifest.json", b"9" * 10_000)), "damaged"),
        (zip_of(("a", b"\0" * 10_000_000), compression=zipfile.ZIP_DEFLATED), "would expand"),
        (zip_of(("a", b"a" * 9_999), compression=zipfile.ZIP_BZIP2), "compressed in another way"),
    ],
    # Not by the data, which hold the time of their making: xdist's workers would differ.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_file_of_a_model(data, said, tmp_path):
    with pytest.raises(ModelFileError, match=f"some.lofe cannot be loaded: .*{said}"):
        load_bytes(data, tmp_path)


def test_members_of_one_name_and_members_that_overlap(content, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zip_of(("a", b"1"), ("a", b"2"))
    with pytest.raises(ModelFileError, match="not unique"):
        load_bytes(twice, tmp_path)
    # A directory that lists one member's bytes under many names.
    one = zip_of(("member00", b"x" * 1000))
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    entries = [one[start:end].replace(b"member00", b"member%02d" % i) for i in range(50)]
    size = sum(map(len, entries))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, size, start, 0)
    with pytest.raises(ModelFileError, match="overlap"):
        load_bytes(one[:start] + b"".join(entries) + tail, tmp_path)


def test_a_newer_format_says_who_wrote_it(content, tmp_path):
    def change(members):
        manifest = {**json.loads(members["manifest.json"]), "format_version": 2}
        manifest["lofe_sklearn"] = "9.1"
        members["manifest.json"] = json.dumps(manifest).encode()

    with pytest.raises(ModelFileError, match=r"of format 2, written by lofe_sklearn 9\.1; this is"):
        load_bytes(rewritten(content, change), tmp_path)


@pytest.mark.parametrize("package", ["lofe_sklearn", "scikit-learn"])
def test_another_version_warns(package, content, model, tmp_path):
    def change(members):
        manifest = json.loads(members["manifest.json"])
        if package == "lofe_sklearn":
            manifest["lofe_sklearn"] = "0.0.1"
        else:
            manifest["packages"]["scikit-learn"] = "0.0.1"
        members["manifest.json"] = json.dumps(manifest).encode()

    from sklearn.exceptions import InconsistentVersionWarning

    said = f"The model some.lofe was made with {package} 0.0.1 and is read with {package}"
    with pytest.warns(InconsistentVersionWarning, match=said) as caught:
        loaded = load_bytes(rewritten(content, change), tmp_path)
    assert [w.filename for w in caught] == [__file__]
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))


def changed_json(change):
    def in_members(members):
        root = json.loads(members["model.json"])
        change(root)
        members["model.json"] = json.dumps(root).encode()

    return in_members


def first_history(root):
    return first_network(root)["history_"]["state"]


def test_a_field_that_came_later_has_its_default(content, model, tmp_path):
    def change(root):
        del first_history(root)["interrupted"]

    loaded = load_bytes(rewritten(content, changed_json(change)), tmp_path)
    assert loaded.estimators_[0].history_.interrupted is False
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))


def test_a_field_without_default_is_missed_when_the_file_is_read(content, tmp_path):
    def change(root):
        del first_history(root)["loss_n"]

    with pytest.raises(ModelFileError, match=r"TrainingHistory in it has no loss_n: another ver"):
        load_bytes(rewritten(content, changed_json(change)), tmp_path)


def first_network(root):
    return root["state"]["_ensemble"]["state"]["members"]["list"][0]["state"]


HOSTILE = {
    "a class that is not in the list": lambda root: root.update(object="os.system"),
    "a class of another package": lambda root: root.update(object="subprocess.Popen"),
    "a private class": lambda root: root.update(object="features._cache.Cache"),
    "the command line": lambda root: root.update(object="__main__.main"),
    "a function": lambda root: root.update(object="metrics.roc_auc"),
    "a class that cannot be made": lambda root: root.update(object="backbones.Backbone"),
    "an attribute that Python calls": lambda root: root["state"].update(__class__=1),
    "an attribute that is no name": lambda root: root["state"].update({"a b": 1}),
    "a kind that is not there": lambda root: root["state"].update(a={"eval": "1"}),
    "no kind": lambda root: root["state"].update(a={}),
    "a list": lambda root: root["state"].update(a=[1]),
    "a number of no object": lambda root: root["state"].update(a={"same": 10**9}),
    "a number below none": lambda root: root["state"].update(a={"same": -1}),
    "an array that is not there": lambda root: root["state"].update(a={"array": "zz"}),
    "objects of another shape": lambda root: root["state"].update(
        a={"objects": [], "shape": [10**12]}
    ),
    "long strings": lambda root: root["state"].update(
        a={"strings": ["a"] * 9, "dtype": "<U99999999", "shape": [9]}
    ),
    "a type with code": lambda root: root["state"].update(a={"type": "object"}),
    "a step that is not there": lambda root: root["state"].update(a={"step": 99}),
    "a generator out of its state": lambda root: root["state"].update(
        random_state={
            "generator": {
                "dict": [
                    ["bit_generator", "MT19937"],
                    ["state", {"dict": [["key", {"array": "a0"}], ["pos", 10**6]]}],
                    ["has_gauss", 0],
                    ["gauss", 0.0],
                ]
            }
        }
    ),
    "a cache folder": lambda root: root["state"].update(memory="/tmp"),
    "a huge network": lambda root: first_network(root)["_built_by"]["state"].update(
        hidden_sizes={"list": [10**7, 10**7]}
    ),
    "many features": lambda root: first_network(root).update(n_features_in_=10**12),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values(name, content, tmp_path):
    data = rewritten(content, changed_json(HOSTILE[name]))
    with pytest.raises(ModelFileError, match="some.lofe cannot be loaded"):
        load_bytes(data, tmp_path)


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        (AutoEncoder, {"hidden_sizes": {"list": [10**6, 10**6]}}),
        (DTE, {"hidden_sizes": {"list": [10**6, 10**6]}}),
        (DTE, {"n_bins": 10**7}),
        (GOAD, {"n_transforms": 10**10}),
        (ICL, {"n_permutations": 10**10}),
        (NeuTraL, {"n_transforms": 10**11}),
        (RealNVP, {"hidden_sizes": {"list": [10**6, 10**6]}}),
        (RealNVP, {"n_layers": 10**10}),
        (TCCM, {"n_times": 10**12}),
        (MHRot, {"width": 10**5}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or next(iter(value)),
)
def test_no_backbone_is_built_larger_than_its_values(backbone, size, tmp_path):
    rows = np.zeros((8, 1, 4, 4), np.float32) if backbone is MHRot else X
    sizes = {"depth": 10, "width": 1} if backbone is MHRot else {}
    lofe_sklearn.save(backbone(max_epochs=1, **sizes).fit(rows), tmp_path / "model")

    def change(root):
        root["state"]["_built_by"]["state"].update(size)

    data = rewritten((tmp_path / "model").read_bytes(), changed_json(change))
    with pytest.raises(ModelFileError, match="larger than the values"):
        load_bytes(data, tmp_path)


def test_deep_nesting(content, tmp_path):
    for deep in (b'{"list":[' * 50_000 + b"1" + b"]}" * 50_000, b"[" * 10**6):
        data = rewritten(content, lambda members, deep=deep: members.update({"model.json": deep}))
        with pytest.raises(ModelFileError, match="some.lofe cannot be loaded"):
            load_bytes(data, tmp_path)


def test_a_tensor_that_does_not_fit_its_header(content, tmp_path):
    def change(members):
        header = json.dumps({"a0": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}})
        members["arrays.safetensors"] = struct.pack("<Q", len(header)) + header.encode()

    with pytest.raises(ModelFileError, match="some.lofe cannot be loaded"):
        load_bytes(rewritten(content, change), tmp_path)


def steps_of(members):
    """Yield the schema of each step, and what writes it back."""
    for name in [name for name in members if name.endswith(".skops")]:
        inner = unpack(members[name])
        schema = json.loads(inner["schema.json"])
        yield inner, schema

        inner["schema.json"] = json.dumps(schema).encode()
        members[name] = pack(inner)


def nodes(value):
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


@pytest.mark.parametrize(
    "planted",
    [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "TypeNode"},
        {
            "__class__": "OneClassSVM",
            "__module__": "sklearn.svm._classes",
            "__loader__": "ObjectNode",
        },
        {
            "__class__": "KDTree",
            "__module__": "sklearn.neighbors._kd_tree",
            "__loader__": "ObjectNode",
        },
    ],
    ids=lambda node: node["__class__"],
)
def test_types_in_a_step(planted, content, tmp_path):
    def change(members):
        for _, schema in steps_of(members):
            [attributes] = [n for n in [schema["content"]["content"]] if isinstance(n, dict)]
            attributes["planted"] = {"__id__": 10**6, **planted}

    with pytest.raises(ModelFileError, match=planted["__class__"]):
        load_bytes(rewritten(content, change), tmp_path)


@pytest.mark.parametrize("field", ["left_child", "right_child", "feature"])
@pytest.mark.parametrize("value", [10**9, -7, 0])
def test_trees_that_point_out_of_themselves(field, value, content, tmp_path):
    if (field, value) == ("feature", 0):
        pytest.skip("there is a feature 0")

    def change(members):
        for inner, _ in steps_of(members):
            for name in [name for name in inner if name.endswith(".npy")]:
                array = np.load(io.BytesIO(inner[name]))
                if array.dtype.names and field in array.dtype.names and len(array) > 1:
                    array[field][0] = value
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    inner[name] = buffer.getvalue()

    with pytest.raises(ModelFileError, match="a decision tree"):
        load_bytes(rewritten(content, change), tmp_path)


@pytest.mark.parametrize("n_nodes", ["-1", "0", "2"])
def test_trees_of_another_size(n_nodes, content, tmp_path):
    def change(members):
        for _, schema in steps_of(members):
            for node in nodes(schema):
                attributes = node.get("content")
                if isinstance(attributes, dict) and "node_count" in attributes:
                    attributes["node_count"] = {
                        "__class__": "str",
                        "__module__": "builtins",
                        "__loader__": "JsonNode",
                        "content": n_nodes,
                    }

    with pytest.raises(ModelFileError, match="a decision tree"):
        load_bytes(rewritten(content, change), tmp_path)


def test_trees_with_more_outputs_than_counts(content, tmp_path):
    def change(members):
        for _, schema in steps_of(members):
            for node in nodes(schema):
                if node.get("__loader__") == "TreeNode":
                    node["__reduce__"]["args"]["content"][2]["content"] = "1000"

    with pytest.raises(ModelFileError, match="outputs do not fit"):
        load_bytes(rewritten(content, change), tmp_path)


def test_an_array_longer_than_its_content(content, tmp_path):
    def change(members):
        for inner, _ in steps_of(members):
            name = next(name for name in inner if name.endswith(".npy"))
            header = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
            buffer = io.BytesIO()
            np.lib.format.write_array_header_1_0(buffer, header)
            inner[name] = buffer.getvalue()

    with pytest.raises(ModelFileError, match="does not fit its header"):
        load_bytes(rewritten(content, change), tmp_path)


def generator_at(position):
    generator = np.random.RandomState(0)
    name, key, *_ = generator.get_state()
    generator.set_state((name, key, position))
    return generator


def matrix_with(index):
    matrix = sparse.csr_matrix(np.eye(3))
    matrix.indices[1] = index
    return matrix


@pytest.mark.parametrize(
    "value",
    [
        generator_at(10**6),
        generator_at(-1),
        matrix_with(10**6),
        matrix_with(-1),
        sparse.coo_matrix(np.eye(3)),
        make_pipeline(StandardScaler(), memory="folder"),
    ],
    ids=["position", "negative", "index", "negative index", "format", "memory"],
)
def test_what_a_step_must_not_hold(value):
    scaler = StandardScaler()
    scaler.kept_ = {"a": [np.array([value, None], dtype=object)[:1]]}
    with pytest.raises(ValueError, match=r"."):
        check_objects(scaler)


JUNK = (
    *(None, True, -1, 10**30, 0.5, "a", "", {}, [], [1], {"list": 3}, {"dict": [[1]]}),
    *({"same": 0}, {"array": "a0"}, {"array": 3}, {"object": "LOE", "state": {}}, {"step": 0}),
    *({"tensor": "0.center"}, {"named": "metrics.roc_auc"}, {"float": "x"}, {"path": "/etc"}),
    *(
        {"object": "sklearn.pipeline.Pipeline", "state": {"steps": 3}},
        {"dtype": "O"},
        {"set": [{}]},
    ),
)


def places(value):
    """Return all containers of a JSON value, with their keys."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], (dict, list)):
            found += places(value[key])
    return found


def check_junk(content, tmp_path, number, junk):
    def plant(root):
        every = places(root)
        container, key = every[number % len(every)]
        container[key] = junk

    try:
        load_bytes(rewritten(content, changed_json(plant)), tmp_path)
    except ModelFileError as error:
        assert str(error).startswith("load: ")  # noqa: PT017


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.sampled_from(JUNK))
def test_junk_with_right_checksums(content, tmp_path, number, junk):
    check_junk(content, tmp_path, number, junk)


@pytest.mark.slow
@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.sampled_from(JUNK))
def test_more_junk_with_right_checksums(content, tmp_path, number, junk):
    check_junk(content, tmp_path, number, junk)


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.lofe"):
        lofe_sklearn.load(tmp_path / "no.lofe")
    with pytest.raises(IsADirectoryError):
        lofe_sklearn.load(tmp_path)
