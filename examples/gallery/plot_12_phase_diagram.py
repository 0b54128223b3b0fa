"""
A phase diagram
===============

A sweep measures and proves at every point of a grid. Here it is stripe sparsity against noise;
the same table in a file goes to ``dcsc sweep``, and to a cluster.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from dcsc import experiments, plotting

table = """
title = "128 filters of 2 taps on 256 channels"
trials = 64
bounds = ["UniformBound", "ProbabilisticBound", "HybridBound"]

[[layers]]
projection = { kind = "HardThreshold", threshold = 0.5 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 8
filters = { kind = "equicorrelated", n = 128, c = 256, kernel = 2, correlation = 0.0181 }

[codes]
amplitudes = "ConstantAmplitudes"

[axes.sparsity]
parameter = "codes.sparsity"
geometric = [4, 384, 8]

[axes.noise]
parameter = "noise"
linear = [0.0, 1.5, 6]
"""
with tempfile.TemporaryDirectory() as place:
    file = Path(place, "sweep.toml")
    file.write_text(table)
    experiments.run(experiments.Sweep.load(file), Path(place, "out"), jobs=1)
    data = experiments.open(Path(place, "out"))

# %%
# The colour is what was measured, a line is how far a theorem reaches.

plotting.sweep_figure(data, figure=plt.figure(figsize=(11, 6), layout="constrained"))
plt.show()

# %%
# The result is a data set of xarray.

print(data.sizes)
print((data["failures"] / data["trials"]).isel(noise=0).round(2).values.tolist())
