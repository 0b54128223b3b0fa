"""The laws of amplitudes."""

import math

import numpy as np

from dcsc._arrays import Array, Rng, generator, instance
from dcsc.codes import Amplitudes
from dcsc.errors import DcscError
from dcsc.testing.common import fail

__all__ = ["check_amplitudes"]

_SIZE = 4000
_CHANCE = 1e-9


def check_amplitudes(amplitudes: Amplitudes, rng: Rng = 0) -> None:
    """Check the laws of `Amplitudes`, by 4000 entries where they speak of chance."""
    instance(amplitudes, Amplitudes, "check_amplitudes: amplitudes")
    source = generator(rng, "check_amplitudes: rng")
    seed = int(source.integers(2**32))
    law = "finite, non-zero and float64, as many as asked for"
    for size in (0, 1, _SIZE):
        drawn = _draw(amplitudes, size, seed, law)
        if drawn.shape != (size,) or drawn.dtype != np.float64:
            fail(amplitudes, law, f"{drawn.dtype} of shape {drawn.shape} for size {size}")
        wrong = ~np.isfinite(drawn) | (drawn == 0)
        if wrong.any():
            fail(amplitudes, law, f"{drawn[wrong][0]} at {int(wrong.argmax())} of {size}")
    if not amplitudes.signed and (drawn < 0).any():
        fail(amplitudes, "positive unless signed", f"{drawn.min()}")
    law = "the same rng gives the same amplitudes"
    if not np.array_equal(_draw(amplitudes, _SIZE, seed, law), drawn):
        fail(amplitudes, law, f"two draws with rng={seed} differ")
    sizes = np.abs(drawn)
    large = np.where(sizes > np.median(sizes), 1.0, -1.0)
    if amplitudes.signed:
        _check_mean_zero(
            amplitudes,
            "signs are fair, independent of one another and of the sizes",
            {
                "the signs": np.sign(drawn),
                "signs of neighbours": np.sign(drawn[1:] * drawn[:-1]),
                "signs and sizes": np.sign(drawn) * large,
            },
        )
    if np.ptp(sizes):
        # about as many large sizes early as late, and after a large one as after a small one
        place = np.where(np.arange(_SIZE) < _SIZE // 2, 1.0, -1.0)
        _check_mean_zero(
            amplitudes,
            "sizes do not depend on their place or on one another",
            {
                "sizes and places": (large - large.mean()) * place,
                "sizes of neighbours": (large[1:] - large.mean()) * (large[:-1] - large.mean()),
            },
        )


def _draw(amplitudes: Amplitudes, size: int, seed: int, law: str) -> Array:
    try:
        return amplitudes.draw(size, seed)
    except DcscError as error:
        fail(amplitudes, law, str(error))


def _check_mean_zero(amplitudes: Amplitudes, law: str, products: dict[str, Array]) -> None:
    """Refute that numbers in [-4, 4] have mean zero, if one in 1e9 of such means is as large."""
    for name, values in products.items():
        reach = float(np.abs(values).max())
        limit = reach * math.sqrt(2 * math.log(2 / _CHANCE) / len(values))
        if abs(values.mean()) > limit:
            fail(amplitudes, law, f"{name} have the mean {values.mean():.3g}, beyond {limit:.3g}")
