"""Vocabularies of text vectorizers in files: as one text, and the same again."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from lofe_sklearn.exceptions import ModelFileError

pytest.importorskip("skops", reason="skops is not installed")

from lofe_sklearn._saving._archive import unpack
from lofe_sklearn._saving._steps import dump_step, load_step
from lofe_sklearn._saving._vocabularies import unpack_vocabularies, with_packed_vocabularies

TEXTS = ["one two", 'two "three"', "äöü \ud800 one", "b\\b \x00 b"]


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)),
        CountVectorizer(token_pattern=r"\S+"),
        CountVectorizer(vocabulary={"two": 1, "one": 0}),
        CountVectorizer(vocabulary=["one", "two"]),
    ],
    ids=["parts of words", "words", "given as a dict", "given as a list"],
)
def test_texts_have_the_same_numbers_again(vectorizer):
    fitted = vectorizer.fit(TEXTS)
    before = copy.deepcopy(fitted.vocabulary_)
    loaded = load_step(dump_step(fitted, "step"))
    assert fitted.vocabulary_ == loaded.vocabulary_ == before
    assert loaded.vocabulary == fitted.vocabulary
    np.testing.assert_array_equal(
        loaded.transform(TEXTS).toarray(), fitted.transform(TEXTS).toarray()
    )
    assert dump_step(loaded, "step") == dump_step(fitted, "step")


def test_within_other_steps():
    rows = [{"a": "x", "b": 1.0}, {"a": "y"}]
    fitted = make_pipeline(DictVectorizer(sparse=False)).fit(rows)
    loaded = load_step(dump_step(fitted, "step"))
    np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))


def test_each_text_is_no_object_of_its_own():
    fitted = TfidfVectorizer(analyzer="char", ngram_range=(1, 3)).fit(TEXTS)
    schema = json.loads(unpack(dump_step(fitted, "step"))["schema.json"])
    packed = schema["content"]["content"]["vocabulary_"]["content"]
    assert len(json.loads(json.loads(packed))) == len(fitted.vocabulary_) > 30


def test_the_original_keeps_its_vocabulary_and_its_arrays_are_not_copied():
    fitted = CountVectorizer().fit(TEXTS)
    fitted.rows_, fitted.others_ = np.zeros(5), np.array([CountVectorizer().fit(TEXTS)])
    before = dict(fitted.vocabulary_)
    packed = with_packed_vocabularies(fitted)
    assert fitted.vocabulary_ == fitted.others_[0].vocabulary_ == before
    assert isinstance(packed.vocabulary_, str)
    assert isinstance(packed.others_[0].vocabulary_, str)
    assert packed.rows_ is fitted.rows_


@pytest.mark.parametrize("packed", ['["a", "a"]', '["a", 1]', '{"a": 0}', '"a"', "3"])
def test_what_is_no_list_of_different_texts(packed):
    vectorizer = CountVectorizer()
    vectorizer.vocabulary_ = packed
    with pytest.raises(ModelFileError, match="vocabulary of a vectorizer"):
        unpack_vocabularies([vectorizer])
