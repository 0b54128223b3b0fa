"""The risk that the page about networks names is the one that decides."""

import re
from pathlib import Path

import attrs
import numpy as np
import pytest
import scipy.optimize

import dcsc
from dcsc import InstanceBound, ToeplitzDictionary
from dcsc.dictionaries import filters
from dcsc.networks import operations
from dcsc.networks.analysis import analyze
from dcsc.networks.analysis.codes import theorem_facts
from tests.networks.chains import FEW, convolve, layer, network, shown


def documented_risk():
    """Return the risk that the page about networks names."""
    page = Path(dcsc.__file__).parents[1] / "docs" / "network_page.md"
    (number,) = re.findall(r"probability to come out wrong is\s+at most (\d+)%", page.read_text())
    return int(number) / 100


def chernoff(weights, level):
    """Return the least of E exp(λ (Σ ±w − level)) over λ ≥ 0, by a search over λ."""
    if level > np.abs(weights).sum():
        return 0.0
    if level <= 0:
        return 1.0

    def exponent(rate):
        return np.log(np.cosh(rate * weights)).sum() - rate * level

    return np.exp(scipy.optimize.minimize_scalar(exponent, bounds=(0, 60), method="bounded").fun)


def test_the_documented_risk_decides_which_units_are_safe_with_random_signs():
    steps = (convolve(6, 16, (5,), -7.0), operations.Relu())
    limits = attrs.evolve(FEW, units=10**6, proved=6)
    (analysed,) = analyze(
        network(*steps, channels=16), shown(6, 16, 20), noise=0.0, limits=limits
    ).layers
    coded, risks = analysed.coded, {True: [], False: []}
    matrix = coded.dictionary.to_sparse().toarray()
    gram = matrix.T @ matrix
    half = np.repeat(np.maximum(coded.threshold, 0) / 2, gram.shape[0] // len(coded.threshold))
    for code in coded.codes.reshape(len(coded.codes), -1):
        for k in range(code.size):
            weights = np.delete(gram[k] * code, k)
            level = gram[k, k] * code[k] - half[k] if code[k] > 0 else half[k]
            risks[bool(code[k] > 0)].append(chernoff(weights, level))
    assert analysed.safety.looked_at == (len(risks[True]), len(risks[False]))
    for active, share in ((True, analysed.safety.on_random), (False, analysed.safety.off_random)):
        values = np.array(risks[active])
        assert share == pytest.approx((values <= documented_risk()).mean(), rel=1e-12)
        assert (values <= 10 * documented_risk()).mean() > share  # it matters here


def test_the_documented_risk_decides_which_codes_a_theorem_holds_for():
    dictionary = ToeplitzDictionary(filters.gaussian(3, 64, 5, rng=0), extent=24, padding=2)
    rng = np.random.default_rng(0)
    codes = np.zeros((40, *dictionary.code_shape))
    for number, code in enumerate(codes):
        code.flat[rng.choice(code.size, 8 + number // 4, replace=False)] = 1.2
    coded, bound = layer(codes, dictionary, 1.0), InstanceBound("chernoff")
    values = np.array([bound.evaluate(instance).unclipped for instance in coded.instances])
    facts = theorem_facts(coded, most=1e15, inputs=len(codes))[-1]
    assert facts.of == len(codes)
    assert facts.holds == (values <= documented_risk()).sum()
    assert (values <= 10 * documented_risk()).sum() > facts.holds  # it matters here
