"""Bad input: a DcscError that names class and argument, what was given and what was expected."""

import math

import numpy as np
import pytest

from dcsc.bounds import LayerInstance, LayerStatistics, ProbabilisticBound, UniformBound, measure
from dcsc.codes import ConstantAmplitudes, GaussianAmplitudes, UniformAmplitudes
from dcsc.codes import draw as draw_codes
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
)
from dcsc.errors import DcscError, NotDrawnError, TooLargeError
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway
from dcsc.projections import (
    BatchTopK,
    FirmThreshold,
    GroupHardThreshold,
    GroupMax,
    GroupSoftThreshold,
    HardThreshold,
    JumpReLU,
    PositionTopK,
    PositiveTopK,
    ReLU,
    SoftThreshold,
    StripeTopK,
    TopK,
)
from dcsc.signs import BlockSigns, FilterSigns, FixedSigns, IdentitySigns, RademacherSigns
from tests.cases import Plain

BANK = np.ones((2, 3, 2))
CIRCLE = CirculantDictionary(BANK, 4)  # codes (2, 4), signals (3, 4)
LINE = ToeplitzDictionary(BANK, 4, padding=1)  # codes (2, 5)
DENSE = DenseDictionary(np.ones((3, 4)))
MODEL = DCSCModel([Layer(CIRCLE, ReLU(), IdentitySigns())])
TRUTH = MODEL.synthesize(np.ones((2, 4)))
DEAD = np.array([1.0, 0, 1])[:, None, None] * np.ones((3, 1, 2))
Z = np.ones((2, 4))


class Large(Dictionary):
    """A stranger's identity, too large to go through entry by entry."""

    signal_shape = code_shape = (2**14,)

    def _synthesize(self, codes):
        return codes.copy()

    def _analyze(self, signals):
        return signals.copy()


TABLE = [
    # The entries of an array
    (lambda: CIRCLE.synthesize(1j * Z), "CirculantDictionary: codes: complex128"),
    (lambda: CIRCLE.analyze(np.full((3, 4), None)), "CirculantDictionary: signals: object"),
    (lambda: LINE.analyze(np.full((3, 4), "1")), "ToeplitzDictionary: signals: <U1"),
    (lambda: DENSE.synthesize([[1, 2], [3]]), "DenseDictionary: codes: inhomogeneous"),
    (lambda: CIRCLE.synthesize([[1, 2, 3, 4], [1, 2, math.nan, 4]]), "codes: finite nan (1, 2)"),
    (lambda: LINE.synthesize(np.full((2, 5), math.inf)), "ToeplitzDictionary: codes: inf (0, 0)"),
    (
        lambda: CIRCLE.synthesize(np.array(Z, np.longdouble) * np.longdouble("1e400")),
        "codes: finite",
    ),
    (lambda: DENSE.synthesize([math.inf, -math.inf, 0, 0]), "DenseDictionary: codes: finite inf"),
    (lambda: CIRCLE.stripe_sparsity(Z * math.nan), "CirculantDictionary: codes: nan"),
    (lambda: CIRCLE.patch_norm(np.ones((3, 4)) * 1j), "CirculantDictionary: signals: complex"),
    (lambda: DenseDictionary([[1, -math.inf]]), "DenseDictionary: matrix: finite -inf (0, 1)"),
    (lambda: CirculantDictionary(BANK * 1j, 4), "CirculantDictionary: filters: complex128"),
    (lambda: HardThreshold(1)(Z * math.nan), "HardThreshold: coefficients: finite nan"),
    (lambda: TopK(1)(Z * 1j, CIRCLE), "TopK: coefficients: complex128"),
    (lambda: MODEL.forward(np.full((3, 4), math.inf)), "DCSCModel.forward: signal: inf"),
    (lambda: MODEL.synthesize(Z * 1j), "DCSCModel.synthesize: codes: complex128"),
    (lambda: MODEL.forward(TRUTH[0], {0: TRUTH[0] * math.nan}), "forward: noise[0]: nan"),
    (lambda: CIRCLE.stripes.sum(["a"]), "Windows: values: <U1"),
    # The shape of an array
    (
        lambda: CIRCLE.synthesize(np.ones((4, 2))),
        "CirculantDictionary: codes: (*batch, 2, 4) (4, 2)",
    ),
    (lambda: CIRCLE.synthesize(np.ones(4)), "CirculantDictionary: codes: (*batch, 2, 4) (4,)"),
    (lambda: CIRCLE.analyze(np.ones((5, 2, 4))), "signals: (*batch, 3, 4) (5, 2, 4)"),
    (lambda: DENSE.analyze(np.float64(1)), "DenseDictionary: signals: (*batch, 3) ()"),
    (lambda: CIRCLE.stripe_sparsity(np.ones((2, 5))), "CirculantDictionary: codes: 2, 4 (2, 5)"),
    (lambda: LINE.patch_norm(np.ones((2, 5))), "ToeplitzDictionary: signals: 3, 4 (2, 5)"),
    (lambda: LINE.patch_sparsity(np.ones(5)), "ToeplitzDictionary: signals: 3, 4 (5,)"),
    (lambda: CIRCLE.stripes.max(np.ones((2, 5))), "Windows: values: 2, 4 (2, 5)"),
    (lambda: HardThreshold(1)(np.ones((2, 5)), CIRCLE), "HardThreshold: coef 2, 4 (2, 5)"),
    (lambda: MODEL.effective_atoms(2, [0]), "DCSCModel.effective_atoms: layer: at most 1 2"),
    (lambda: MODEL.effective_atoms(0, [0]), "DCSCModel.effective_atoms: layer: at least 1 0"),
    (lambda: MODEL.effective_atoms(1, [8]), "DCSCModel.effective_atoms: indices: 0 to 7 8"),
    (lambda: MODEL.effective_atoms(1, 0), "DCSCModel.effective_atoms: indices: a list of ints ()"),
    (lambda: MODEL.effective_atoms(1, [0.5]), "effective_atoms: indices: ints float64"),
    (lambda: MODEL.synthesize(np.ones((2, 5))), "DCSCModel.synthesize: codes: 2, 4 (2, 5)"),
    (lambda: MODEL.forward(np.ones((2, 4))), "DCSCModel.forward: signal: 3, 4 (2, 4)"),
    (lambda: LayerInstance(CIRCLE, np.ones((4, 2))), "LayerInstance: codes: 2, 4 (4, 2)"),
    # Dictionaries
    (lambda: CirculantDictionary(np.ones((2, 3)), 4), "filters: (filters, channels, (2, 3)"),
    (lambda: CirculantDictionary(np.ones((0, 3, 2)), 4), "CirculantDictionary: filters: (0, 3, 2)"),
    (lambda: ToeplitzDictionary(np.ones((2, 3, 0)), 4), "ToeplitzDictionary: filters: (2, 3, 0)"),
    (lambda: DenseDictionary(np.ones((0, 3))), "DenseDictionary: matrix: (0, 3)"),
    (lambda: DenseDictionary([1, 2]), "DenseDictionary: matrix: (samples, atoms) (2,)"),
    (lambda: CirculantDictionary(BANK, (4, 4)), "CirculantDictionary: extent: 1 axes (4, 4)"),
    (lambda: CirculantDictionary(BANK, 0), "CirculantDictionary: extent: at least 1 0"),
    (lambda: CirculantDictionary(BANK, 4.0), "CirculantDictionary: extent: an integer 4.0"),
    (lambda: CirculantDictionary(BANK, 9, stride=2), "stride: divisor (9,) (2,)"),
    (lambda: CirculantDictionary(BANK, 4, stride=8), "CirculantDictionary: stride: (4,) (8,)"),
    (lambda: CirculantDictionary(BANK, 4, stride=0), "CirculantDictionary: stride: at least 1 0"),
    (lambda: CirculantDictionary(BANK, 4, (2, 2)), "CirculantDictionary: stride: 1 (2, 2)"),
    (lambda: ToeplitzDictionary(BANK, 4, stride=True), "ToeplitzDictionary: stride: integer True"),
    (lambda: ToeplitzDictionary(BANK, 4, padding=-1), "ToeplitzDictionary: padding: at least 0 -1"),
    (lambda: ToeplitzDictionary(BANK, 4, padding=(1, 2)), "ToeplitzDictionary: padding: 1 (1, 2)"),
    (
        lambda: ToeplitzDictionary(BANK, 4, padding=((1, 2, 3),)),
        "padding: (before, after) (1, 2, 3)",
    ),
    (lambda: ToeplitzDictionary(BANK, 4, padding=((1, -2),)), "padding: (before, after) 0 -2"),
    (lambda: ToeplitzDictionary(BANK, 4, padding=((1, 0.5),)), "padding: (before, after) 0.5"),
    (lambda: ToeplitzDictionary(BANK, 4, padding="same"), "ToeplitzDictionary: padding: 'same'"),
    (lambda: CirculantDictionary(BANK, 4, dilation=0), "CirculantDictionary: dilation: 1 0"),
    (lambda: ToeplitzDictionary(BANK, 4, dilation=(1, 1)), "ToeplitzDictionary: dilation: (1, 1)"),
    (lambda: ToeplitzDictionary(BANK, 4, dilation=4), "ToeplitzDictionary: (4,) (5,) kernel (2,)"),
    (lambda: CirculantDictionary(BANK, 4, groups=3), "CirculantDictionary: groups: divisor 2 3"),
    (lambda: ToeplitzDictionary(BANK, 4, groups=0), "ToeplitzDictionary: groups: at least 1 0"),
    (lambda: ToeplitzDictionary(BANK, 4, groups=1.0), "ToeplitzDictionary: groups: integer 1.0"),
    (
        lambda: CirculantDictionary(BANK, 4, groups=2).analyze(np.ones((3, 4))),
        "CirculantDictionary: signals: 6, 4 (3, 4)",
    ),
    (lambda: ToeplitzDictionary(np.ones((1, 1, 8)), 5, padding=1), "ToeplitzDictionary (7,) (8,)"),
    (lambda: CirculantDictionary(DEAD, 4).normalized(), "CirculantDictionary.normalized: filter 1"),
    (lambda: ToeplitzDictionary(DEAD, 4).normalized(), "ToeplitzDictionary.normalized: filter 1"),
    (lambda: DenseDictionary([[1, 0]]).normalized(), "DenseDictionary.normalized: atom 1 zero"),
    (lambda: Plain(np.eye(3) * [1, 1, 0], (3,), (3,)).normalized(), "Plain.normalized: (2,) zero"),
    (lambda: NormalizedDictionary(ToeplitzDictionary(DEAD, 2)), "ToeplitzDictionary (1, 0) zero"),
    (lambda: NormalizedDictionary(None), "NormalizedDictionary: dictionary: None"),
    (lambda: SignedDictionary(CIRCLE, np.ones((4, 2))), "SignedDictionary: signs: (2, 4) (4, 2)"),
    (lambda: SignedDictionary(CIRCLE, 0.5 * Z), "SignedDictionary: signs: +1 -1 0.5"),
    (lambda: SignedDictionary(None, Z), "SignedDictionary: dictionary: None"),
    (lambda: CIRCLE.gram_rows([0, 8]), "CirculantDictionary.gram_rows: indices: 7 8"),
    (lambda: CIRCLE.gram_rows([-1]), "CirculantDictionary.gram_rows: indices: 0 -1"),
    (lambda: CIRCLE.gram_rows([0.0]), "CirculantDictionary.gram_rows: indices: ints float64"),
    (lambda: CIRCLE.gram_rows([[1]]), "CirculantDictionary.gram_rows: indices: list (1, 1)"),
    (lambda: DENSE.babel(-1), "DenseDictionary.babel: sparsity: at least 0 -1"),
    (lambda: DENSE.babel_squared(1.5), "DenseDictionary.babel_squared: sparsity: integer 1.5"),
    (lambda: Large().to_sparse(), "Large: _to_sparse 268435456 134217728 write"),
    (lambda: Large().atom_norms(), "Large: _atom_norms 268435456 134217728 write"),
    (lambda: Large().contributions(np.ones(2**14)), "Large: _contributions 268435456 write"),
    (lambda: Large().gram_rows(range(2**14)), "Large: _gram_rows 268435456 134217728 write"),
    (lambda: Large().mutual_coherence(), "Large: 268435456 134217728 write"),
    (lambda: Large().babel(1), "Large: _gram_rows 268435456 134217728 write"),
    # Projections
    (lambda: HardThreshold(-1), "HardThreshold: threshold: at least 0 -1"),
    (lambda: SoftThreshold([0.5, -0.1]), "SoftThreshold: threshold: at least 0 -0.1"),
    (lambda: ReLU(math.inf), "ReLU: threshold: finite inf"),
    (lambda: ReLU([math.nan]), "ReLU: threshold: finite nan"),
    (lambda: HardThreshold("0.5"), "HardThreshold: threshold: real number '0.5'"),
    (lambda: HardThreshold(1j), "HardThreshold: threshold: real number 1j"),
    (lambda: HardThreshold(None), "HardThreshold: threshold: real number None"),
    (lambda: HardThreshold([]), "HardThreshold: threshold: one per filter (0,)"),
    (lambda: HardThreshold(np.ones((2, 1))), "HardThreshold: threshold: one per filter (2, 1)"),
    (lambda: HardThreshold([1, 2, 3])(Z, CIRCLE), "HardThreshold: threshold: one per filter 2 3"),
    (lambda: SoftThreshold([1, 2])(Z), "SoftThreshold: a dictionary"),
    (lambda: ReLU(1)(Z, "no dictionary"), "ReLU: dictionary 'no dictionary'"),
    (lambda: TopK(2)(Z), "TopK: a dictionary"),
    (lambda: StripeTopK(2)(Z), "StripeTopK: a dictionary"),
    (lambda: TopK(0), "TopK: k: at least 1 0"),
    (lambda: PositiveTopK(1)(Z), "PositiveTopK: a dictionary"),
    (lambda: PositiveTopK(0), "PositiveTopK: k: at least 1 0"),
    (lambda: GroupMax(1)(Z), "GroupMax: a dictionary"),
    (lambda: GroupMax(0), "GroupMax: size: at least 1 0"),
    (lambda: BatchTopK(1)(Z), "BatchTopK: a dictionary"),
    (lambda: BatchTopK(0), "BatchTopK: k: at least 1 0"),
    (lambda: PositionTopK(1)(Z), "PositionTopK: a dictionary"),
    (lambda: PositionTopK(0), "PositionTopK: k: at least 1 0"),
    (lambda: GroupSoftThreshold(1)(Z), "GroupSoftThreshold: a dictionary"),
    (lambda: GroupHardThreshold(-1), "GroupHardThreshold: threshold: at least 0 -1"),
    (lambda: GroupHardThreshold([1]), "GroupHardThreshold: threshold: real number [1]"),
    (lambda: FirmThreshold(1, 0.5), "FirmThreshold: upper: at least 1 0.5"),
    (lambda: FirmThreshold([1, 2], [3]), "FirmThreshold: upper: one 2 1"),
    (lambda: FirmThreshold(1, [3, 4, 5])(Z, CIRCLE), "FirmThreshold: upper: one per filter 2 3"),
    (lambda: FirmThreshold(1, [3, 4])(Z), "FirmThreshold: a dictionary"),
    (lambda: JumpReLU(-1), "JumpReLU: threshold: at least 0 -1"),
    (lambda: TopK(1.5), "TopK: k: integer 1.5"),
    (lambda: StripeTopK(-1), "StripeTopK: sparsity: at least 1 -1"),
    # Signs
    (lambda: FixedSigns([1, 0]), "FixedSigns: values: +1 -1 0"),
    (lambda: FixedSigns([1, math.nan]), "FixedSigns: values: finite nan"),
    (lambda: FixedSigns([1, 1]).draw(3), "FixedSigns: code_shape (2,) (3,)"),
    (lambda: RademacherSigns().draw((2, 0)), "RademacherSigns: code_shape: at least 1 0"),
    (lambda: FilterSigns().draw(()), "FilterSigns: code_shape ()"),
    (lambda: BlockSigns(0), "BlockSigns: filters: at least 1 0"),
    (lambda: BlockSigns(1, (2, 0)), "BlockSigns: positions: at least 1 0"),
    (lambda: BlockSigns(1, (2, 2)).draw((2, 5)), "BlockSigns: positions: 1 (2, 2)"),
    (lambda: RademacherSigns().draw(3, "seed"), "RademacherSigns: rng: 'seed'"),
    (lambda: RademacherSigns().draw(3, -1), "RademacherSigns: rng: non-negative -1"),
    # Models
    (lambda: DCSCModel([]), "DCSCModel: layers: Layer []"),
    (lambda: DCSCModel([CIRCLE]), "DCSCModel: layers: Layer Circ"),
    (lambda: Layer("A", ReLU()), "Layer: dictionary: Dictionary 'A'"),
    (lambda: Layer(CIRCLE, "P"), "Layer: projection: Projection 'P'"),
    (lambda: Layer(CIRCLE, ReLU(), "D"), "Layer: signs: SignPattern 'D'"),
    (lambda: MODEL.draw(1.5), "DCSCModel.draw: rng: 1.5"),
    (lambda: MODEL.forward(TRUTH[0], [1]), "DCSCModel.forward: noise: mapping [1]"),
    (lambda: MODEL.forward(TRUTH[0], {1: TRUTH[0]}), "DCSCModel.forward: noise: at most 0 1"),
    (
        lambda: MODEL.forward(np.ones((2, 3, 4)), {0: np.ones((5, 3, 4))}),
        "[0]: (2, 3, 4) (5, 3, 4)",
    ),
    (
        lambda: DCSCModel([Layer(CIRCLE, ReLU())]).synthesize(Z),
        "Layer: signs: RademacherSigns draw",
    ),
    (lambda: TRUTH.compare(Pathway((Z, Z))), "Pathway.compare: guess: (3, 4) (2, 4)"),
    (lambda: TRUTH.compare(MODEL.forward(np.ones((5, 3, 4)))), "Pathway.compare: guess: (5, 3, 4)"),
    (lambda: TRUTH.compare(Z), "Pathway.compare: guess: Pathway"),
    # Codes
    (lambda: draw_codes(CIRCLE, 7), "codes.draw: sparsity: at most 6 CirculantDictionary 7"),
    (lambda: draw_codes(DENSE, 5), "codes.draw: sparsity: at most 4 DenseDictionary 5"),
    (lambda: draw_codes(CIRCLE, -1), "codes.draw: sparsity: at least 0 -1"),
    (lambda: draw_codes(CIRCLE, 1.0), "codes.draw: sparsity: integer 1.0"),
    (lambda: draw_codes(CIRCLE, 1, batch=-1), "codes.draw: batch: at least 0 -1"),
    (lambda: draw_codes(CIRCLE, 1, amplitudes=1.0), "codes.draw: amplitudes: Amplitudes 1.0"),
    (lambda: draw_codes(CIRCLE, 1, rng="x"), "codes.draw: rng: 'x'"),
    (lambda: draw_codes("A", 1), "codes.draw: dictionary: 'A'"),
    (lambda: ConstantAmplitudes(0), "ConstantAmplitudes: value: positive 0"),
    (lambda: GaussianAmplitudes(-1), "GaussianAmplitudes: scale: positive -1"),
    (lambda: UniformAmplitudes(2, 1), "UniformAmplitudes: low <= high 2.0 1.0"),
    (lambda: UniformAmplitudes(0, 1), "UniformAmplitudes: 0 < low 0.0 1.0"),
    (lambda: UniformAmplitudes(0.5, math.nan), "UniformAmplitudes: high: finite nan"),
    (lambda: UniformAmplitudes().draw(-1), "UniformAmplitudes: size: at least 0 -1"),
    # Records of a layer
    (lambda: LayerStatistics(coherence=-1, x_min=1, x_max=1), "LayerStatistics: coherence: 0 -1"),
    (lambda: LayerInstance("A", Z), "LayerInstance: dictionary: Dictionary 'A'"),
    (lambda: LayerInstance(CIRCLE, 0 * Z).statistics(), "LayerInstance: x_min: zero"),
    (lambda: UniformBound().evaluate([]), "UniformBound.evaluate: layers: LayerStatistics []"),
    (lambda: UniformBound().evaluate(["layer"]), "UniformBound.evaluate: layers: 'layer'"),
    (lambda: ProbabilisticBound().max_sparsity(LayerInstance(CIRCLE, Z), 2), "probability: 1 2"),
    (lambda: measure(MODEL, Pathway((Z,))), "measure: truth: 2 arrays Pathway"),
]


@pytest.mark.parametrize(("call", "words"), TABLE, ids=[words for _, words in TABLE])
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(DcscError) as refusal:
        call()
    message = str(refusal.value)
    assert [word for word in words.split() if word not in message] == []


def test_dcsc_errors_are_value_errors_that_can_be_told_apart():
    for error in (DcscError, NotDrawnError, TooLargeError):
        assert issubclass(error, ValueError)
    with pytest.raises(NotDrawnError):
        DCSCModel([Layer(CIRCLE, ReLU())]).forward(np.ones((3, 4)))
    with pytest.raises(TooLargeError):
        Large().to_sparse()
