"""Classes by number and by name: what labels may be, and how many of them the network finds."""

import itertools
import json

import attrs
import numpy as np
import pandas
import pytest

from dcsc import DcscError
from dcsc.networks import load
from dcsc.networks.analysis import Inputs, Limits, analyze, compare, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.networks.tallies import ArraySet, Settings, tally
from dcsc.report import at_a_glance, page, words

FEW = Limits(inputs=40, proved=0, resynthesized=6, draws=1, units=0, twins=0, placed=20)
DIGITS = shipped_inputs().first(40)
IMAGES, LABELS = DIGITS.values["input"], DIGITS.labels
# not in the order of the alphabet
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WORDS = np.array(NAMES)[LABELS]


def network():
    return load(digits_network_path("plain"))


def analysis(labels=None, names=None, **more):
    return analyze(network(), IMAGES, labels=labels, class_names=names, limits=FEW, **more)


@pytest.fixture(scope="module")
def scores():
    found = network().forward(IMAGES.astype(np.float64))
    return found[network().outputs[0]]


def test_accuracy_is_that_of_a_loop(scores):
    wrong = LABELS.copy()
    wrong[:5] = (wrong[:5] + 1) % 10
    for labels in (LABELS, wrong):
        right = 0
        for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
            right += max(range(10), key=row.__getitem__) == label
        found = analysis(labels)
        assert found.accuracy == right / 40
        assert f"accuracy {100 * right / 40:.3g}%" in repr(found).split("\n")[0]
        assert found.numbers()["accuracy"] == right / 40
        (said,) = [x for x in at_a_glance(found) if "is the label" in x]
        assert f"is the label for {right} of 40 inputs: " in said
    assert compare(analysis(LABELS), analysis(wrong)).accuracy[1] == right / 40


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (LABELS, None),
        (LABELS, NAMES),
        (WORDS, NAMES),
        (list(WORDS), list(NAMES)),
        (WORDS.astype(object), NAMES),
        (pandas.Series(WORDS), pandas.Series(NAMES)),
        (LABELS.astype(float), NAMES),
        (pandas.Series(LABELS), None),
    ],
)
def test_labels_are_numbers_or_names(labels, names):
    found = analysis(labels, names)
    assert found.accuracy == analysis(LABELS).accuracy
    assert found.inputs.labels.tolist() == LABELS.tolist()
    text = page(found)
    shown = NAMES[LABELS[0]] if names is not None else str(LABELS[0])
    assert f"Input 1: label {shown}, largest output {shown}" in text
    # classes stay in the order of their numbers
    classes = [str(one) for one in found.overlap.classes]
    numbers = sorted(set(LABELS.tolist()))
    assert classes == [NAMES[n] if names is not None else str(n) for n in numbers]
    of = found.layers[0].own.classes
    first = sorted(set(LABELS[:6].tolist()))
    assert [x.label for x in of] == [NAMES[n] if names is not None else str(n) for n in first]
    assert found.numbers()["inputs"]["class_names"] == ([] if names is None else list(NAMES))


def test_words_without_names_of_outputs_are_labels_and_no_accuracy():
    found = analysis(WORDS)
    assert found.accuracy is None
    assert ", accuracy" not in repr(found)
    assert "label four, largest output 4" in page(found)
    told = "give class_names= to have the accuracy"
    assert sum(told in line for line in repr(found).split("\n")) == 1
    assert repr(found).split("\n")[-1].startswith("  proved: theorems")
    assert page(found).count(told) == 1
    assert any(told in text for text in at_a_glance(found))
    assert not any("is the label" in text for text in at_a_glance(found))
    known = analysis(LABELS)
    assert "class_names" not in " ".join([repr(known), *at_a_glance(known), *words.limits(known)])


def test_labels_that_number_no_outputs_have_no_accuracy():
    assert analysis(LABELS + 1).accuracy is None  # 10 is none of ten outputs
    assert analysis(LABELS - 1).accuracy is None
    assert analysis().accuracy is None
    more = analysis(LABELS, (*NAMES, "ten"))
    assert more.accuracy is None
    assert any("10 outputs and there are 11 class names" in text for text in at_a_glance(more))
    assert "10 outputs and there are 11 class names" in repr(more)
    beyond = analysis(LABELS + 1)
    assert any("is said by analyze(class_names=…)" in text for text in at_a_glance(beyond))
    assert f"label {NAMES[LABELS[0]]}, largest output {LABELS[0]}<" in page(more)
    assert attrs.evolve(analysis(LABELS), outputs=None).accuracy is None


def test_names_need_no_labels():
    assert f"Input 1: largest output {NAMES[LABELS[0]]}<" in page(analysis(None, NAMES))
    assert "largest output" not in page(analysis())
    told = "class names and no labels: give labels= to have the accuracy"
    found = analysis(None, NAMES)
    assert told in repr(found)
    assert any(told in text for text in at_a_glance(found))
    assert "accuracy" not in repr(analysis()) + " ".join(at_a_glance(analysis()))


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (WORDS, NAMES[:5], r"labels: expected one of the 5 class names, zero, one, .* got eight"),
        (LABELS, NAMES[:5], "labels: expected whole numbers from 0 to 4, one for each of 5 class"),
        (LABELS + 0.5, None, "labels: expected whole numbers or words, got array"),
        (LABELS * 1j, None, "labels: expected real numbers, got dtype complex128"),
        (LABELS, ("a", "a"), r"class_names: expected names that differ, none of them empty"),
        (LABELS, ("a", " "), r"class_names: expected names that differ, none of them empty"),
        (LABELS, "zero", "class_names: expected"),
        (LABELS, (1, 2), "class_names: expected a str"),
        (LABELS[:3], NAMES, r"labels: expected one for each of 40 inputs, got shape \(3,\)"),
        ([["a"], ["b", "c"]], None, "labels: expected"),
        ([None] * 40, None, "labels: expected"),
    ],
)
def test_labels_and_names_that_do_not_fit_are_refused(labels, names, message):
    with pytest.raises(DcscError, match=message):
        analysis(labels, names)
    if names is not None:
        with pytest.raises(DcscError, match="class_names: expected none without inputs"):
            analyze(network(), class_names=NAMES)


def test_names_stand_with_the_inputs_too():
    inputs = Inputs("digits", {"input": IMAGES}, WORDS, class_names=NAMES)
    assert analyze(network(), inputs, limits=FEW).accuracy == analysis(LABELS).accuracy
    assert inputs.first(3).class_names == NAMES
    assert inputs.class_of(3) == inputs.class_of(np.int64(3)) == "three"
    assert inputs.class_of("x") == "x"
    assert inputs.class_of(10) == "10"
    assert DIGITS.class_of(3) == "3"


# ---- counts and commands -------------------------------------------------------------------------


def test_tallies_count_classes_that_are_words():
    counted = tally(network(), IMAGES, labels=WORDS)
    assert dict(counted.classes) == {name: int((name == WORDS).sum()) for name in set(WORDS)}
    assert (counted.right, counted.answered) == (0, 0)
    by_number = tally(network(), IMAGES, labels=LABELS)
    assert by_number.answered == 40
    # 10 is none of ten outputs, so that no label is told
    assert tally(network(), IMAGES, labels=LABELS + 1).answered == 0
    assert ArraySet({"input": IMAGES}, WORDS.astype(object)).labels.tolist() == WORDS.tolist()


def test_what_is_no_output_in_one_part_is_none_in_the_sum():
    order = np.argsort(LABELS, kind="stable")
    named = Settings(class_names=NAMES[:9])
    for labels, settings in ((LABELS + 1, Settings()), (WORDS, named)):
        # the inputs of the last class, whose label is no output, and all others
        parts = [
            tally(network(), IMAGES[some], settings, labels=labels[some])
            for some in (order[:20], order[20:36], order[36:])
        ]
        for some in itertools.permutations(parts):
            assert (sum(some).right, sum(some).answered) == (0, 0)
    parts = [tally(network(), IMAGES[a:b], labels=LABELS[a:b]) for a, b in ((0, 9), (9, 40))]
    whole, bare = tally(network(), IMAGES, labels=LABELS), tally(network(), IMAGES)
    for joint in (sum(parts), parts[1] + bare + parts[0]):
        assert (joint.right, joint.answered) == (whole.right, 40)


@pytest.mark.parametrize("labels", [WORDS, LABELS])
def test_tallies_know_which_output_is_which_name(scores, labels):
    named = Settings(class_names=NAMES)
    right = int((scores.argmax(axis=1) == LABELS).sum())
    counted = tally(network(), IMAGES, named, labels=labels)
    assert (counted.right, counted.answered) == (right, 40)
    turned = Settings(class_names=NAMES[::-1])
    wrong = tally(network(), IMAGES, turned, labels=WORDS)
    assert wrong.right == int((9 - scores.argmax(axis=1) == LABELS).sum()) < right
    for names in (NAMES[:9], ("ten", *NAMES[1:])):
        few = tally(network(), IMAGES, Settings(class_names=names), labels=WORDS)
        assert (few.right, few.answered) == (0, 0)
    with pytest.raises(DcscError, match="Settings: class_names: expected names that differ"):
        Settings(class_names=("a", "a"))


def test_the_command_takes_words_and_names(tmp_path, called):
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", WORDS)
    (tmp_path / "names.txt").write_text("\n".join(NAMES) + "\n\n")
    done = called(
        *("analyze", digits_network_path("plain"), "--input", tmp_path / "x.npy"),
        *("--labels", tmp_path / "y.npy", "--class-names", tmp_path / "names.txt"),
        *("--tallies", tmp_path / "counts", "--html", tmp_path / "page.html"),
    )
    assert (done.code, done.err) == (0, "")
    numbers = json.loads((tmp_path / "page.json").read_text())
    assert numbers["accuracy"] == analysis(LABELS).accuracy
    assert numbers["inputs"]["class_names"] == list(NAMES)
    assert set(numbers["tally"]["classes"]) == set(WORDS)
    assert numbers["tally"]["right"] == round(40 * numbers["accuracy"])
    assert numbers["tally"]["answered"] == 40
    assert f"label {NAMES[LABELS[1]]}, largest" in (tmp_path / "page.html").read_text()
    assert f"is the label for {round(40 * numbers['accuracy'])} of 40 inputs" in done.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\na\n", "a name of its own in each line, got 'a' twice"),
        (b"a\n\nb\n", "a name of its own in each line, got an empty line"),
        (b"", "a name of its own in each line, got an empty line"),
        (b"\xff\xfe", "--class-names: expected a text file, got 'names.txt'"),
    ],
)
def test_files_that_name_no_classes_are_one_line(tmp_path, called, content, message):
    (tmp_path / "names.txt").write_bytes(content)
    done = called(
        *("analyze", "--class-names", tmp_path / "names.txt", "--html", tmp_path / "page.html")
    )
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "page.html").exists()
