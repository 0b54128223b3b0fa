"""Pursuits against SPORCO, alphacsc, celer and scikit-learn, each on one thread.

For the same problem and the same objective, within 1e-6 of its minimum: the processor time of the
cheapest call of each solver that gets there, by the number of its iterations or its tolerance, and
of dcsc's one call, which certifies the gap. Signals are scaled so that the penalty is 0.1, for
which SPORCO's default of its own parameter is meant. A peer that is missing is named and left out:
``pip install 'dcsc[peers]'``.
"""

import importlib.util
import itertools
import statistics
import time
import warnings
from functools import cache, partial

import attrs
import numpy as np
from threadpoolctl import threadpool_limits

from dcsc import BasisPursuit, CirculantDictionary, OrthogonalMatchingPursuit, ToeplitzDictionary
from dcsc.dictionaries import filters
from dcsc.pursuits.descent import safe_step

CLOSE = 1e-6
PENALTY = 0.1
ITERATIONS = [round(10 * 1.5**step) for step in range(17)]
TOLERANCES = [10.0**-power for power in range(2, 15)]


@attrs.frozen(eq=False)
class Problem:
    """One signal, its dictionary, and the least objective."""

    name: str
    dictionary: CirculantDictionary
    signal: np.ndarray
    share: float

    def objective(self, code):
        left = self.signal - self.dictionary.synthesize(code)
        return 0.5 * np.square(left).sum() + PENALTY * np.abs(code).sum()

    def close(self, code, least):
        return self.objective(code) <= (1 + CLOSE) * least


def problem(name, dictionary, signal, share):
    """Scale a signal so that the penalty is the same share of its largest coefficient."""
    largest = np.abs(dictionary.analyze(signal)).max()
    return Problem(name, dictionary, signal * PENALTY / (share * largest), share)


def image(extent):
    """Return a smooth random picture with edges, without its slow parts."""
    rng = np.random.default_rng(0)
    frequency = np.fft.fftfreq(extent)
    size = np.hypot(frequency[:, None], frequency[None])
    noise = np.fft.fft2(rng.standard_normal((extent, extent)))
    smooth = np.fft.ifft2(noise / (size + 2 / extent) ** 1.5).real
    steps = np.sign(smooth) + smooth / np.abs(smooth).max()
    spectrum = np.fft.fft2(steps) * (1 - np.exp(-((size * 12) ** 2)))
    return np.fft.ifft2(spectrum).real[None]


def beats(extent):
    """Return a train of pulses with noise."""
    rng = np.random.default_rng(0)
    clock = np.arange(extent) % 310
    pulse = np.exp(-(((clock - 60) / 5.0) ** 2)) - 0.3 * np.exp(-(((clock - 75) / 9.0) ** 2))
    return (pulse + 0.05 * rng.standard_normal(extent))[None]


def problems(quick):
    flat = filters.gaussian(4 if quick else 32, 1, (8, 8), rng=0)
    line = filters.gaussian(4 if quick else 16, 1, 64, rng=0)
    for side, share in itertools.product((32,) if quick else (128, 256), (0.2, 0.05)):
        circle = CirculantDictionary(flat, (side, side))
        yield problem(f"{len(flat)} filters of 8×8, {side}×{side}", circle, image(side), share)
    lengths, shares = ((512,), (0.2,)) if quick else ((4096, 16384), (0.2, 0.05))
    for extent, share in itertools.product(lengths, shares):
        circle, segment = (kind(line, extent) for kind in (CirculantDictionary, ToeplitzDictionary))
        for dictionary, where in ((circle, "a circle"), (segment, "a segment")):
            name = f"{len(line)} filters of 64, {extent}, {where}"
            yield problem(name, dictionary, beats(extent), share)


# ---- solvers: each returns a function of its effort, and the efforts to try ----------------------


def sporco_admm(given):
    from sporco.admm.cbpdn import ConvBPDN  # noqa: PLC0415  # only where it is installed

    def solve(iterations):
        options = {"MaxMainIter": iterations, "RelStopTol": 0.0, "Verbose": False}
        return _sporco(ConvBPDN, options, given)

    return solve, ITERATIONS


def sporco_pgm(given):
    from sporco.pgm.cbpdn import ConvBPDN  # noqa: PLC0415  # only where it is installed

    largest = 1 / safe_step(given.dictionary)

    def solve(iterations):
        options = {"MaxMainIter": iterations, "RelStopTol": 0.0, "L": largest}
        return _sporco(ConvBPDN, options, given)

    return solve, ITERATIONS


def _sporco(kind, options, given):
    bank, axes = given.dictionary.filters, len(given.dictionary.extent)
    atoms = np.moveaxis(bank[:, 0], 0, -1)
    solver = kind(atoms, given.signal[0], PENALTY, kind.Options(options), dimK=0, dimN=axes)
    code = np.asarray(solver.solve()).reshape(*given.dictionary.extent, len(bank))
    return np.moveaxis(code, -1, 0)


def alphacsc_lgcd(given):
    from alphacsc.update_z_multi import update_z_multi  # noqa: PLC0415  # see above

    def solve(tolerance):
        code = update_z_multi(
            given.signal[None],
            given.dictionary.filters.copy(),
            PENALTY,
            solver="lgcd",
            solver_kwargs={"max_iter": 10**7, "tol": tolerance},
            positive=False,
            random_state=0,
        )[0]
        return code[0]

    return solve, TOLERANCES


def celer(given):
    from celer import Lasso  # noqa: PLC0415  # see above

    return _lasso(given, lambda **options: Lasso(fit_intercept=False, **options))


def scikit_learn(given):
    from sklearn.linear_model import Lasso  # noqa: PLC0415  # see above

    return _lasso(given, lambda **options: Lasso(fit_intercept=False, max_iter=10**5, **options))


def _lasso(given, make):
    matrix, signal = given.dictionary.to_sparse(), given.signal.ravel()

    def solve(tolerance):
        model = make(alpha=PENALTY / len(signal), tol=tolerance).fit(matrix, signal)
        return model.coef_.reshape(given.dictionary.code_shape)

    return solve, TOLERANCES


SEGMENT = ("a segment",)
# Their packages, and the problems that are theirs: boundaries differ, and matrices have to fit.
PEERS = {
    "SPORCO ADMM": ("sporco", sporco_admm, ("a circle", "×")),
    "SPORCO PGM": ("sporco", sporco_pgm, ("×",)),
    "alphacsc LGCD": ("alphacsc", alphacsc_lgcd, SEGMENT),
    "celer": ("celer", celer, SEGMENT),
    "scikit-learn Lasso": ("sklearn", scikit_learn, SEGMENT),
}


@cache
def missing(package):
    return importlib.util.find_spec(package) is None


def spent(function, repetitions):
    """Return the median processor time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def cheapest(given, peer, least, repetitions):
    """Return the processor time of the first effort that is enough, None if none is."""
    with warnings.catch_warnings(action="ignore"):  # that they have not converged
        solve, efforts = peer(given)
        for effort in efforts:
            if given.close(solve(effort), least):
                return spent(partial(solve, effort), repetitions)
    return None


def rows(repetitions, quick):
    """Compare with every peer, and OMP with that of scikit-learn."""
    counted = 1 if quick else min(3, repetitions)
    found = []
    with threadpool_limits(1):
        for given in problems(quick):
            exact = BasisPursuit(PENALTY, gap=1e-9)(given.signal, given.dictionary)
            least = given.objective(exact.code)
            certified = BasisPursuit(PENALTY, gap=CLOSE)
            ours = spent(partial(certified, given.signal, given.dictionary), counted)
            for name, (package, peer, where) in PEERS.items():
                if not any(word in given.name for word in where):
                    continue
                row = {"problem": given.name, "share": given.share, "peer": name, "seconds": ours}
                if missing(package):
                    found.append({**row, "other": None, "why": f"{package} is not installed"})
                    continue
                other = cheapest(given, peer, least, counted)
                found.append({**row, "other": other, "why": "it did not get there"})
        found += matching(counted, quick)
    return found


def matching(counted, quick):
    """Compare orthogonal matching pursuit with that of scikit-learn, on the explicit matrix."""
    dictionary = CirculantDictionary(filters.gaussian(32, 1, 9, rng=0), 64 if quick else 512)
    rng = np.random.default_rng(0)
    count = 5 if quick else 50
    code = np.zeros(dictionary.code_shape)
    code.flat[rng.choice(code.size, count, replace=False)] = rng.uniform(0.5, 1, count)
    signal = dictionary.synthesize(code)
    signal += 0.05 * rng.standard_normal(signal.shape)
    pursuit = OrthogonalMatchingPursuit(sparsity=count)
    ours = spent(lambda: pursuit(signal, dictionary), counted)
    row = {"problem": f"matching pursuit, {count} atoms of 32 filters of 9", "share": None}
    row |= {"peer": "scikit-learn OMP", "seconds": ours}
    if missing("sklearn"):
        return [{**row, "other": None, "why": "sklearn is not installed"}]
    from sklearn.linear_model import orthogonal_mp  # noqa: PLC0415  # see above

    matrix = dictionary.to_sparse().toarray()

    def theirs():
        return orthogonal_mp(matrix, signal.ravel(), n_nonzero_coefs=count)

    difference = np.abs(pursuit(signal, dictionary).code.ravel() - theirs()).max()
    assert difference < 1e-10
    return [{**row, "other": spent(theirs, counted), "why": ""}]


def table(found):
    lines = ["| problem | λ/λ_max | peer | dcsc is faster |", "|---|---|---|---|"]
    for row in found:
        other = row["other"]
        ratio = row["why"] if other is None else f"{other / row['seconds']:.1f}×"
        share = "" if row["share"] is None else f"{row['share']:g}"
        lines.append(f"| {row['problem']} | {share} | {row['peer']} | {ratio} |")
    return "\n".join(lines)
