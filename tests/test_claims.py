"""What is said of guarantees, in every place: what is proved, of what, and what nothing is."""

import math

import attrs
import numpy as np
import pytest

import dcsc
from dcsc import bounds
from dcsc.bounds import LayerInstance, LayerStatistics
from dcsc.bounds.family import BOUNDS, PURSUED
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.cli import proofs


@pytest.fixture(scope="module")
def failing():
    """One non-zero beside an atom at 0.85, which sees more than the threshold: no sign helps."""
    pair = dcsc.DenseDictionary([[1, 0.85], [0, math.sqrt(1 - 0.85**2)]])
    return LayerInstance(pair, [1, 0], 0.5)


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A function that writes the certificate of a guarantee, and verifies it."""

    def verify(guarantee):
        folder = tmp_path_factory.mktemp("certificate")
        bounds.Certificate.of(guarantee).write(folder)
        return folder, bounds.verify(folder / "certificate.json", folder / "evidence.npz")

    return verify


def said_by_command(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        proofs.verify(folder / "certificate.json", evidence=folder / "evidence.npz")
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_what_is_proved_to_fail_is_said_everywhere(failing, verified, capsys):
    guarantee = dcsc.InstanceBound().evaluate(failing)
    assert guarantee.lower == 1  # as both sign patterns fail
    said = "fails with probability at least 1"
    assert guarantee.claim == f"the pathway {said}"
    for shown in (repr(guarantee), guarantee._repr_html_(), repr(guarantee.layers[0])):
        assert said in shown
        assert "nothing is guaranteed" not in shown
    why = bounds.explain(failing, bounds=dcsc.InstanceBound())
    assert f"InstanceBound, the layer: {said}." in str(why)
    assert f"InstanceBound, zeta = 0: {said}." in str(why)
    assert "says nothing" not in str(why)
    assert said in repr(why.layers[0].verdicts[0])
    folder, verification = verified(guarantee)
    assert "probability at least 1" in repr(verification.certificate)
    assert repr(verification).startswith("Verification: true. Certificate of InstanceBound")
    assert said_by_command(folder, capsys).startswith("true: failure probability at least 1 by")


def test_a_lower_end_is_about_the_worst_noise(failing):
    noisy = attrs.evolve(failing, noise=0.01)
    claim = dcsc.InstanceBound().evaluate(noisy).claim
    assert claim == "the pathway fails under the worst noise with probability at least 1"
    both = LayerGuarantee(0.5, (0.0, 1.0), 0.1, lower=0.25)
    assert both.claim == (
        "it fails with probability at most 0.5, and under the worst noise at least 0.25"
    )


def test_a_lower_end_under_a_false_hypothesis_is_none(failing):
    rain = attrs.evolve(failing, hypotheses=(Hypothesis("it rains", False),))
    guarantee = dcsc.InstanceBound().evaluate(rain)
    assert guarantee.lower == 0
    assert guarantee.claim == "nothing is guaranteed"
    part = LayerGuarantee(2.0, (0.0, 1.0), 0.0, (Hypothesis("it rains", False),), 0.5)
    assert Guarantee((part,), "Rain", "nobody").lower == 0


def test_a_certificate_of_nothing_says_so(failing, verified, capsys):
    for guarantee in (
        dcsc.UniformBound().evaluate(failing),
        dcsc.PartialBound().evaluate(
            LayerStatistics(coherence=1, sparsity=9, x_min=1, x_max=1, noise=9, threshold=0.5)
        ),
    ):
        assert not guarantee.holds
        folder, verification = verified(guarantee)
        assert verification.holds
        assert verification.verdict == "true, and it guarantees nothing"
        assert repr(verification).startswith("Verification: true, and it guarantees nothing.")
        assert said_by_command(folder, capsys).startswith("true, and it guarantees nothing: ")
    good = dcsc.UniformBound().evaluate(attrs.evolve(failing, threshold=0.9))
    assert verified(good)[1].verdict == "true"


def test_what_is_not_met_is_said_as_what_must_be(failing):
    crowded = attrs.evolve(failing, codes=[1, 1])
    (broken, _) = dcsc.UniformBound().evaluate(crowded).violations
    assert broken == (
        "layer 1: mu (2S - 1) x_max + 2 c_max zeta = 2.55 must be below c_min^2 x_min = 1"
    )
    (outside,) = dcsc.UniformBound().evaluate(failing).violations
    assert outside == "layer 1: threshold must lie in (0.85, 1), given 0.5"
    shown = repr(dcsc.UniformBound().evaluate(failing))
    assert "Not met: layer 1: threshold must lie in (0.85, 1), given 0.5." in shown


def test_no_violation_of_any_bound_reads_as_a_claim(failing):
    """Those of layers at which each of dcsc's bounds has something to object to."""
    crowded = LayerInstance(
        dcsc.DenseDictionary([[1, 0.85, 0.85], [0, 0.52, -0.52]]),
        [1, 1, 0],
        0.5,
        0.3,
        signs_independent=False,
    )
    random = attrs.evolve(crowded, signs_independent=True)
    few = LayerStatistics(
        coherence=0.5, sparsity=2, x_min=1, x_max=1, noise=0.1, n_atoms=1, gain=(0.9, 1),
        threshold=0.2, babel=None,
    )  # fmt: skip
    violated = set()
    for kind in (*BOUNDS, *PURSUED):
        for layer in (crowded, random, attrs.evolve(random, noise=0.0), few):
            try:
                statement = kind().evaluate(layer)
            except dcsc.DcscError:
                continue
            violated |= {kind.__name__} if statement.violations else set()
            for broken in statement.violations:
                assert " < " not in broken
                assert ">=" not in broken
    assert {"UniformBound", "ProbabilisticBound", "ExactRecoveryBound"} <= violated


def test_the_level_of_the_condition_of_exact_recovery_is_called_as_the_pursuit_calls_it():
    atoms = dcsc.DenseDictionary([[1, 0.3], [0, math.sqrt(0.91)]])
    layer = LayerInstance(atoms, [1, 0], noise=0.1)
    for pursuit, name in (
        (dcsc.BasisPursuit(0.1), "penalty"),
        (dcsc.OrthogonalMatchingPursuit(level=0.1), "level"),
    ):
        (broken,) = bounds.ExactRecoveryBound().at(pursuit).evaluate(layer).violations
        assert broken.startswith(f"layer 1: {name} must lie in ")
    mixed = dcsc.Layered((dcsc.BasisPursuit(0.1), dcsc.OrthogonalMatchingPursuit(level=0.1)))
    assert bounds.ExactRecoveryBound().at(mixed).pursuit is None
    with pytest.raises(dcsc.DcscError, match="ExactRecoveryBound: pursuit: expected one of basis"):
        bounds.ExactRecoveryBound(pursuit="any")


def test_a_certificate_of_exact_recovery_from_before_names_no_pursuit():
    layer = LayerInstance(dcsc.DenseDictionary(np.eye(2)), [1, 0], noise=0.1)
    text = bounds.Certificate.of(bounds.ExactRecoveryBound(0.5).evaluate(layer)).text
    assert '"pursuit"' not in text
