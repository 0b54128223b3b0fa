"""
Which features can a sparse autoencoder tell apart?
===================================================

The decoder of a sparse autoencoder is a dictionary: here 4096 features in 256 dimensions, made up
of random directions, 512 of them in clusters of four that resemble each other. The script prints
its coherence and Babel function, what the guarantees say of codes with more and more active
features, and how well JumpReLU, TopK and BatchTopK find these. Features have random signs, as the
guarantees for random signs ask. Run it as ``python examples/sparse_autoencoder.py``.
"""

import time

import numpy as np
import numpy.typing as npt

from dcsc import (
    BatchTopK,
    DCSCModel,
    DenseDictionary,
    Dictionary,
    InstanceBound,
    JumpReLU,
    Layer,
    Projection,
    TopK,
    UniformBound,
    bounds,
)
from dcsc.experiments import simulate

DIMENSIONS, FEATURES = 256, 4096
CLUSTERS, CLUSTER = 128, 4
COSINE = 0.4
CODES, TRIALS = 8, 500
AMPLITUDES = (1.0, 1.2)


def decoder(clusters: int, rng: np.random.Generator) -> Dictionary:
    """Return unit-norm features; those of a cluster have about the same cosine with each other."""
    features = rng.standard_normal((FEATURES, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    centres = rng.standard_normal((clusters, 1, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    members = features[: clusters * CLUSTER].reshape(clusters, CLUSTER, DIMENSIONS)
    members[:] = np.sqrt(COSINE) * centres + np.sqrt(1 - COSINE) * members
    return DenseDictionary(features.T).normalized()


def codes(active: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return non-negative codes with 1 to 2·active − 1 active features, ``active`` on average."""
    found = np.zeros((CODES, FEATURES))
    counts = np.linspace(1, 2 * active - 1, CODES).round().astype(int)
    for code, count in zip(found, counts, strict=True):
        code[rng.choice(FEATURES, count, replace=False)] = rng.uniform(*AMPLITUDES, count)
    return found


def found_share(
    dictionary: Dictionary, projection: Projection, code: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Return the share of active features that the forward pass finds, and false ones per code."""
    model = DCSCModel([Layer(dictionary, projection)]).draw(rng=0)
    truth = model.synthesize(code)
    found = truth.compare(model.forward(truth[0]))
    missed, false_alarms = found.missed.sum(), found.false_alarms.sum()
    return 1 - missed / np.count_nonzero(code), false_alarms / len(code)


def main() -> None:
    start = time.perf_counter()
    print("decoder       μ      Welch   μ₁(2)  μ₁(8)  μ₁(32)  (2) allows S =")
    for name, clusters in (("random", 0), ("clustered", CLUSTERS)):
        dictionary = decoder(clusters, np.random.default_rng(0))
        babel = "  ".join(f"{dictionary.babel(count):<5.3g}" for count in (2, 8, 32))
        record = bounds.LayerStatistics(
            coherence=dictionary.babel(1), x_min=AMPLITUDES[0], x_max=AMPLITUDES[1]
        )
        print(
            f"{name:12}  {dictionary.mutual_coherence():.3f}  {dictionary.welch_floor():.3f}   "
            f"{babel}   {UniformBound().max_sparsity(record)}"
        )
    print()
    print("mean    8 codes fail      measured              JumpReLU       TopK   BatchTopK")
    print("active  at most           [95% interval]        finds  false   finds  finds")
    for active in (1, 2, 3, 4, 8, 16, 32):
        code = codes(active, np.random.default_rng(active))
        jump = JumpReLU(AMPLITUDES[0] / 2)
        model = DCSCModel([Layer(dictionary, jump)])
        records = bounds.measure(model, model.draw(rng=0).synthesize(code))
        tail = "exact" if active < 4 else "chernoff"  # exact tails of many weights take long
        promised = InstanceBound(tail).evaluate(records).failure_probability
        low, rate, high = (end[-1] for end in simulate(model, code, TRIALS, rng=1).interval())
        share, false = found_share(dictionary, jump, code)
        measured = f"{rate:.3g} [{low:.3g}, {high:.3g}]"
        print(
            f"{active:<6}  {promised:<16.3g}  {measured:20}  {share:<5.0%}  {false:<5.1f}   "
            f"{found_share(dictionary, TopK(active), code)[0]:<6.0%} "
            f"{found_share(dictionary, BatchTopK(active), code)[0]:.0%}"
        )
    print(
        "\nμ: coherence; Welch: the least that is possible; μ₁(S): Babel function; (2): the"
        "\nsparsity that the uniform guarantee allows. Below, the clustered decoder: the bound for"
        "\nthe given codes, how often some support is wrong, and of one draw of the signs the"
        "\nshare of the active features that are found, with false ones per code."
        f"\n\n{FEATURES} features in {DIMENSIONS} dimensions, {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
