"""The validation of the bounds runs, finds nothing, and would find something."""

import importlib.util
import sys
from pathlib import Path

import attrs
import pytest

from dcsc.bounds import BoundCalculator, InstanceBound

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "validate_bounds.py"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("validate_bounds", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def run(script, monkeypatch, capsys, instances, seed):
    arguments = [str(SCRIPT), "--instances", str(instances), "--seed", str(seed)]
    monkeypatch.setattr(sys, "argv", arguments)
    status = script.main()
    *_, total = capsys.readouterr().out.splitlines()
    return status, total


def test_no_bound_says_too_little(script, monkeypatch, capsys):
    status, total = run(script, monkeypatch, capsys, 36, 1)
    assert total.startswith("36 instances, 0 violations")
    assert status == 0


@attrs.frozen
class Hopeful(BoundCalculator):
    """A bound that halves the noise, or the probability, or both."""

    noise: float
    share: float
    needs_instances = True

    def _evaluate(self, layers):
        noise = self.noise * layers[0].noise
        found = InstanceBound().evaluate([attrs.evolve(layers[0], noise=noise)])
        parts = [attrs.evolve(p, unclipped=self.share * p.unclipped) for p in found.layers]
        return self._guarantee(layers, parts)


@pytest.mark.parametrize(
    ("model", "small", "noise", "share"),
    [
        ("none", True, 1, 0.5),
        ("known", True, 0, 1),
        ("known", True, 1, 0.5),
        ("independent", True, 0, 1),
        ("adversarial", True, 0.5, 1),
        ("none", False, 1, 0.2),
        ("adversarial", False, 0, 1),
    ],
)
def test_a_bound_that_says_too_little_is_found(script, monkeypatch, model, small, noise, share):
    monkeypatch.setattr(script, "BOUNDS", {"exact": Hopeful(noise, share)})
    monkeypatch.setattr(script, "VALID", {model: ("exact",)})
    table = {(model, "exact"): script.Row()}
    for seed in range(300):
        rng = script.np.random.default_rng(seed)
        script.compare(rng, model, small, table)
        if table[model, "exact"].violations:
            return
    pytest.fail("300 instances, and no violation")
