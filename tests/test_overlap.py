"""The overlap of pathways against all pairs, one by one, and what its figure shows."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc import overlap as module
from dcsc import plotting
from dcsc.errors import DcscError
from dcsc.overlap import pathway_overlap
from dcsc.pathway import Pathway
from tests import strategies


def jaccard(one, other):
    one, other = set(np.flatnonzero(one)), set(np.flatnonzero(other))
    return len(one & other) / len(one | other) if one | other else 1.0


def mean(values):
    return sum(values) / len(values) if values else np.nan


@st.composite
def labelled(draw):
    samples = draw(st.integers(2, 9))
    shapes = draw(st.lists(st.sampled_from([(3,), (2, 4), (1, 2, 3)]), min_size=1, max_size=3))
    codes = [draw(strategies.arrays((samples, *shape), laws=("sparse",))) for shape in shapes]
    names = draw(st.sampled_from([(0, 1, 7), ("b", "a", "cc"), (True, False)]))
    return codes, draw(st.lists(st.sampled_from(names), min_size=samples, max_size=samples))


@given(labelled(), st.sampled_from([1, 20, 2**24]))
def test_every_number_is_that_of_all_pairs_one_by_one(task, block):
    codes, labels = task
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_ENTRIES", block)
        found = pathway_overlap(codes, labels)
    assert found.classes.tolist() == sorted(set(labels))
    assert found.counts.tolist() == [labels.count(name) for name in sorted(set(labels))]
    pairs = list(itertools.permutations(range(len(labels)), 2))
    for number, code in enumerate(codes):
        each = {(a, b): jaccard(code[a], code[b]) for a, b in pairs}
        for i, j in itertools.product(range(len(found.classes)), repeat=2):
            chosen = [
                each[a, b]
                for a, b in pairs
                if (labels[a], labels[b]) == (found.classes[i], found.classes[j])
            ]
            np.testing.assert_allclose(found.matrices[number, i, j], mean(chosen), rtol=1e-12)
        same = [each[a, b] for a, b in pairs if labels[a] == labels[b]]
        other = [each[a, b] for a, b in pairs if labels[a] != labels[b]]
        np.testing.assert_allclose(found.within[number], mean(same), rtol=1e-12)
        np.testing.assert_allclose(found.between[number], mean(other), rtol=1e-12)


def test_a_pathway_is_read_from_layer_1_on_with_any_batch_axes():
    rng = np.random.default_rng(0)
    arrays = [(rng.random((2, 3, *shape)) < 0.4) * 1.0 for shape in [(9,), (4, 5), (7,)]]
    labels = [["x", "y", "x"], ["y", "y", "x"]]
    found = pathway_overlap(Pathway(tuple(arrays), (2, 3)), labels)
    flat = pathway_overlap([a.reshape(6, -1) for a in arrays[1:]], np.ravel(labels))
    assert found.matrices.shape == (2, 2, 2)
    np.testing.assert_array_equal(found.matrices, flat.matrices)
    np.testing.assert_array_equal(found.within, flat.within)


def test_values_signs_and_relabelling_do_not_matter():
    rng = np.random.default_rng(1)
    code = rng.standard_normal((12, 30)) * (rng.random((12, 30)) < 0.3)
    labels = rng.integers(0, 3, 12)
    found = pathway_overlap([code, -5 * code, code != 0], labels)
    for matrix in found.matrices[1:]:
        np.testing.assert_array_equal(matrix, found.matrices[0])
    order = [2, 1, 0]
    other = pathway_overlap([code], 2 - labels)
    expected = found.matrices[0][np.ix_(order, order)]
    np.testing.assert_allclose(other.matrices[0], expected, rtol=1e-13)


def test_a_class_of_one_has_no_pair_within():
    found = pathway_overlap([np.eye(3)], [0, 1, 1])
    np.testing.assert_array_equal(found.matrices[0], [[np.nan, 0], [0, 0]])
    assert np.isnan(pathway_overlap([np.eye(2)], [0, 0]).between[0])
    assert np.isnan(pathway_overlap([np.eye(2)], [0, 1]).within[0])


@pytest.mark.parametrize(
    ("codes", "labels", "words"),
    [
        ([], [0, 1], "codes: expected a Pathway, or a list of one array per layer"),
        (np.eye(2), [0, 1], "at least one, got <float64 (2, 2)>"),
        ([np.eye(2), np.eye(3)], [0, 1], "codes: expected shapes (samples, ...)"),
        ([np.float64(1)], [0], "codes: expected shapes (samples, ...)"),
        ([np.eye(2) * np.nan], [0, 1], "codes[0]: expected finite numbers, got nan at (0, 0)"),
        ([np.eye(2)], [0, 1, 2], "labels: expected ints or strings of shape (2,), got int64 of"),
        ([np.eye(2)], [0.5, 1], "labels: expected ints or strings of shape (2,), got float64"),
        ([np.eye(1)], [0], "labels: expected two samples or more, got 1"),
        (Pathway((np.eye(2),) * 2, (2,)), [[0, 1]], "labels: expected ints or strings of shape"),
    ],
)
def test_bad_input_is_refused(codes, labels, words):
    with pytest.raises(DcscError) as refusal:
        pathway_overlap(codes, labels)
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("pathway_overlap: ")


# ---- the figure ----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_the_figure_shows_every_matrix_and_both_curves(depth, tmp_path):
    rng = np.random.default_rng(2)
    codes = [rng.random((30, 8)) < 0.5 for _ in range(depth)]
    found = pathway_overlap(codes, np.append(np.arange(29) % 3, 7))
    figure = plotting.pathway_overlap(found)
    shown = [axes for axes in figure.axes if axes.get_images()]
    assert [axes.get_title() for axes in shown] == [f"layer {n}" for n in range(1, depth + 1)]
    for axes, matrix in zip(shown, found.matrices, strict=True):
        image = axes.get_images()[0]
        np.testing.assert_array_equal(image.get_array().filled(np.nan), matrix)
        assert image.get_clim() == (0, np.nanmax(found.matrices))
        numbers = {text.get_position(): text.get_text() for text in axes.texts}
        for (row, column), value in np.ndenumerate(matrix):
            said = "–" if np.isnan(value) else f"{value:.2f}".lstrip("0")
            assert numbers[column, row] == said
    (curve,) = [axes for axes in figure.axes if axes.get_legend()]
    drawn = {line.get_label(): line for line in curve.get_lines()}
    for name, values in (("within a class", found.within), ("between classes", found.between)):
        np.testing.assert_array_equal(drawn[name].get_ydata(), values)
        texts = [t.get_text() for t in curve.texts if t.get_color() == drawn[name].get_color()]
        assert texts == [f"{value:.2f}" for value in values]
    figure.savefig(tmp_path / "overlap.png")


def test_other_things_than_an_overlap_are_refused():
    with pytest.raises(DcscError, match="pathway_overlap: overlap: expected a PathwayOverlap"):
        plotting.pathway_overlap([1])
