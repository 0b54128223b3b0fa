"""Random models of two layers, and what is said of them against all signs of both."""

import itertools

import attrs
import numpy as np

from dcsc import DCSCModel, DenseDictionary, HardThreshold, Layer
from dcsc.bounds import actual_means, told_means
from dcsc.signs import FixedSigns, RademacherSigns, SignPattern

SIZES = ((9, 4, 3), (8, 3, 4), (9, 4, 4))


def random_model(rng):
    """Return a model of two layers of few atoms, some entries of which are zero, and a code."""
    sizes = SIZES[rng.integers(len(SIZES))]
    layers = []
    for number, (samples, atoms) in enumerate(itertools.pairwise(sizes)):
        matrix = rng.standard_normal((samples, atoms))
        if number:
            matrix *= rng.random((samples, atoms)) < 0.5
        matrix[rng.integers(0, samples, atoms), np.arange(atoms)] += 1
        scale = rng.choice([1.0, 1.0, 0.7, 1.5])
        dictionary = DenseDictionary(scale * matrix / np.linalg.norm(matrix, axis=0))
        layers.append(Layer(dictionary, HardThreshold(rng.uniform(0.05, 0.6) * scale**2)))
    code = np.zeros(sizes[-1])
    code[: rng.integers(1, 3)] = 1
    code *= 1.0 if rng.random() < 0.2 else rng.uniform(0.7, 1.3, code.size)
    return DCSCModel(layers), code


def all_rows(model, code):
    """Return the signs of both layers that matter, up to one sign in common."""
    used = np.flatnonzero(code)
    below = 1.0 - 2.0 * _bits(model.layers[0].dictionary.code_shape[0])
    above = np.ones((2 ** len(used), code.size))
    above[:, used] = 1.0 - 2.0 * _bits(len(used))
    return list(itertools.product(below[: len(below) // 2], above[: len(above) // 2]))


def _bits(count):
    return np.arange(2**count)[:, None] >> np.arange(count) & 1


@attrs.define(eq=False)
class Listed(SignPattern):
    """Signs that come one after the other from a list, however they are drawn."""

    rows: list
    independent = True

    def _draw(self, code_shape, rng):
        return self.rows.pop(0)


def model_checks(rng):
    """Yield a name and two numbers, of which the first must not exceed the second."""
    model, code = random_model(rng)
    rows = all_rows(model, code)
    wrong = [[], []]
    for signs in rows:
        drawn = DCSCModel(
            [
                attrs.evolve(layer, signs=FixedSigns(row, law=RademacherSigns()))
                for layer, row in zip(model.layers, signs, strict=True)
            ]
        )
        truth = drawn.synthesize(code)
        guess = drawn.forward(truth[0])
        for at, each in enumerate(wrong, start=1):
            each.append((truth[at] != 0) != (guess[at] != 0))
    happens = [np.mean(each, axis=0) for each in wrong]
    for function, pilots in ((told_means, 0), (actual_means, 3)):
        # as many draws as there are patterns, and each of them once: averages are means
        layers = [
            attrs.evolve(
                layer, signs=Listed([*(each[at] for each in rows[:pilots]), *[r[at] for r in rows]])
            )
            for at, layer in enumerate(model.layers)
        ]
        means = function(DCSCModel(layers), code, len(rows), tolerance=0)
        name = "told" if function is told_means else "actual"
        for number, (layer, share) in enumerate(zip(means.layers, happens, strict=True), start=1):
            low, high = layer.units
            if name == "actual" or number == 1:
                yield f"{name}, layer {number}, high", float((share - high).max()), 0.0
            if number == 1:
                yield f"{name}, layer {number}, low", float((low - share).max()), 0.0
