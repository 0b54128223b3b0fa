"""The kit finds mistakes: one is planted into each strategy, and the law it breaks is named."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

from dcsc import testing


@attrs.frozen
class Fault:
    """A mistake in a module, how it is looked for, and the law that it breaks."""

    module: str
    right: str
    wrong: str
    check: Callable[[Any], object]
    law: str


FAULTS = {
    "analysis forgets that waves have unit norm": Fault(
        "dictionary",
        'scipy.fft.dct(signals, norm="ortho")',
        "scipy.fft.dct(signals)",
        lambda module: testing.check_dictionary(module.SpikesAndWaves(16)),
        "adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩",
    ),
    "the projection shrinks, and does not say so": Fault(
        "projection",
        "shrinkage=True",
        "shrinkage=False",
        lambda module: testing.check_projection(module.PowerShrinkage(0.5, power=-1)),
        "what is kept stays, or shrinks by at most the threshold if it says so",
    ),
    "signs that share a coin are called independent": Fault(
        "signs",
        "    period: int\n\n    def",
        "    period: int\n    independent = True\n\n    def",
        lambda module: testing.check_signs(module.TiledSigns(period=2)),
        "independent fair signs",
    ),
    "the bound forgets how many atoms there are": Fault(
        "bound",
        "value = 2 * layer.tests * _tail(layer, beta - noise)",
        "value = _tail(layer, beta - noise)",
        lambda module: testing.check_bound(module.GaussianTailBound()),
        "the failure probability is at least the share of sign patterns that fail",
    ),
    "the tail takes the fourth powers off twice": Fault(
        "tail",
        "- 2 * (rows.weights**4)",
        "- 2.5 * (rows.weights**4)",
        lambda module: testing.check_tail(module.FourthMoment()),
        "P <= upper",
    ),
}


def planted(fault: Fault) -> ModuleType:
    """Return the module as it is with the mistake in it; the real one stays as it is."""
    real = import_module(f"dcsc_extend_example.{fault.module}")
    source = Path(str(real.__file__)).read_text("utf-8")
    assert source.count(fault.right) == 1
    module = ModuleType(real.__name__)
    exec(compile(source.replace(fault.right, fault.wrong), fault.module, "exec"), vars(module))
    return module


@pytest.mark.parametrize("name", FAULTS)
def test_the_law_is_named(name: str) -> None:
    fault = FAULTS[name]
    with pytest.raises(AssertionError) as caught:
        fault.check(planted(fault))
    assert f"breaks the law '{fault.law}'" in str(caught.value)
