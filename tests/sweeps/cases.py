"""Small sweeps, and what of two results has to agree."""

import copy
import tomllib

from dcsc.experiments.sweeps import Sweep

SMALL = """\
title = "small"
trials = 100

[[layers]]
projection = { kind = "HardThreshold", threshold = 0.5 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 12
filters = { kind = "gaussian", n = 3, c = 12, kernel = 3 }

[codes]
sparsity = 2
amplitudes = "ConstantAmplitudes"

[axes.sparsity]
parameter = "codes.sparsity"
values = [1, 2, 3, 5]

[axes.noise]
parameter = "noise"
values = [0.0, 0.2]
"""

# Two layers; the second has sparse filters, so that codes below do not fill up.
DEEP = """\
title = "deep"
trials = 70
noise = 0.05

[[layers]]
projection = { kind = "HardThreshold", threshold = 0.2 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 10
filters = { kind = "gaussian", n = 4, c = 24, kernel = 2 }

[[layers]]
projection = { kind = "HardThreshold", threshold = 0.5 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 10
filters = { kind = "sparse_rademacher", n = 2, c = 4, kernel = 2, nonzeros = 3 }

[codes]
sparsity = 1
amplitudes = "ConstantAmplitudes"

[axes.depth]
parameter = "depth"
values = [1, 2]

[axes.sparsity]
parameter = "codes.sparsity"
values = [1, 2]
"""

BARE = SMALL[: SMALL.index("[axes.")]


def table(text=SMALL, **changes):
    """Return the tables of a file, some of them exchanged; a value of None takes one away."""
    given = {**tomllib.loads(text), **copy.deepcopy(changes)}
    return {key: value for key, value in given.items() if value is not None}


def sweep(text=SMALL, **changes):
    return Sweep.of(table(text, **changes))


def axes(**parameters):
    """Return axes by name: ``noise=("noise", [0, 1])``, with labels where there are three."""
    names = ("parameter", "values", "labels")
    return {name: dict(zip(names, given, strict=False)) for name, given in parameters.items()}


def numbers(data):
    """Return results without what no two runs share."""
    return data.drop_vars("seconds")
