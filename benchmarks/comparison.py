"""The same numbers by dcsc and by the packages that a person would use otherwise.

    python benchmarks/comparison.py > benchmarks/comparison.txt

For each package what both can compute, and by how much the two differ, relatively. Packages that
are not installed are named and left out: ``pip install 'dcsc[peers]' pylops captum``.
"""

import importlib.util
from importlib import metadata

import numpy as np
from peers import PENALTY, image, problem, sporco_admm

from dcsc import BasisPursuit, CirculantDictionary, OrthogonalMatchingPursuit, ToeplitzDictionary
from dcsc.dictionaries import filters
from dcsc.networks import from_torch

LINE = ToeplitzDictionary(filters.gaussian(8, 1, 16, rng=0), extent=512)


def difference(ours, theirs):
    """Return the largest difference over the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def code_of(dictionary, share=0.05):
    rng = np.random.default_rng(1)
    return rng.standard_normal(dictionary.code_shape) * (rng.random(dictionary.code_shape) < share)


def pylops():
    """Write the synthesis as PyLops' convolutions side by side, and take its adjoint."""
    from pylops import HStack  # noqa: PLC0415  # only where it is installed
    from pylops.signalprocessing import Convolve1D  # noqa: PLC0415

    taps, (positions,) = LINE.filters[:, 0], LINE.code_shape[1:]
    extent = LINE.signal_shape[1]
    # A filter begins at the position of its atom; codes are shorter than signals.
    maps = [Convolve1D(extent, h=h, offset=0) for h in taps]
    operator = HStack(maps)
    wide = np.zeros((len(taps), extent))
    wide[:, :positions] = code_of(LINE)
    yield "synthesis", difference(LINE.synthesize(code_of(LINE))[0], operator @ wide.ravel())
    signal = np.random.default_rng(2).standard_normal(LINE.signal_shape)
    theirs = (operator.H @ signal.ravel()).reshape(wide.shape)[:, :positions]
    yield "analysis", difference(LINE.analyze(signal), theirs)


def sporco():
    """Solve basis pursuit of an image by ADMM."""
    bank = CirculantDictionary(filters.gaussian(4, 1, (8, 8), rng=0), (32, 32))
    given = problem("", bank, image(32), 0.2)
    ours = given.objective(BasisPursuit(PENALTY, gap=1e-9)(given.signal, bank).code)
    solve, _ = sporco_admm(given)
    yield "least objective of basis pursuit", difference(ours, given.objective(solve(1000)))


def sklearn():
    """Solve the same problems on the explicit matrix."""
    from sklearn.linear_model import Lasso, orthogonal_mp  # noqa: PLC0415  # see above

    matrix = LINE.to_sparse().toarray()
    signal = LINE.synthesize(code_of(LINE, 0.01))
    ours = OrthogonalMatchingPursuit(sparsity=20)(signal, LINE).code.ravel()
    theirs = orthogonal_mp(matrix, signal.ravel(), n_nonzero_coefs=20)
    yield "orthogonal matching pursuit", difference(ours, theirs)
    ours = BasisPursuit(0.05, gap=1e-12)(signal, LINE).code.ravel()
    lasso = Lasso(alpha=0.05 / signal.size, fit_intercept=False, tol=1e-12, max_iter=10**5)
    yield "code of basis pursuit", difference(ours, lasso.fit(matrix, signal.ravel()).coef_)


def captum():
    """Take the activations of a layer of a module."""
    import torch  # noqa: PLC0415  # see above
    from captum.attr import LayerActivation  # noqa: PLC0415

    torch.manual_seed(0)
    layers = torch.nn.Conv1d(1, 4, 5), torch.nn.ReLU(), torch.nn.Conv1d(4, 8, 3), torch.nn.ReLU()
    module = torch.nn.Sequential(*layers).double().eval()
    inputs = torch.randn(3, 1, 32, dtype=torch.float64)
    theirs = LayerActivation(module, module[3]).attribute(inputs).detach().numpy()
    network = from_torch(module, inputs[:1])
    ours = network.forward(inputs.numpy())[network.outputs[0]]
    yield "activations of a layer", difference(ours, theirs)


def table():
    """Return a line for each thing that a package and dcsc both compute."""
    lines = [f"{'package':<22}{'both compute':<36}differ by"]
    for package, name, compare in (
        ("pylops", "PyLops", pylops),
        ("sporco", "SPORCO", sporco),
        ("sklearn", "scikit-learn", sklearn),
        ("captum", "Captum", captum),
    ):
        if importlib.util.find_spec(package) is None:
            lines.append(f"{name:<22}is not installed")
            continue
        version = metadata.version("scikit-learn" if package == "sklearn" else package)
        for what, size in compare():
            lines.append(f"{f'{name} {version}':<22}{what:<36}{size:.0e}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
