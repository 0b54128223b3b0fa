"""One line per implementation: every law of its family is tested on what the line makes.

A factory is handed `some`, which makes ingredients (`strategies.Ingredients`), and what the
implementation works on. It may also ignore them and return a constant.
"""

import attrs
import numpy as np

from dcsc.bounds import (
    BasisPursuitBound,
    CodeBound,
    DualBound,
    ExactRecoveryBound,
    ExpectedWrong,
    FewestMissed,
    FuchsBound,
    HybridBound,
    InstanceBound,
    LayeredBound,
    MatchingBound,
    PartialBound,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    UniquenessBound,
)
from dcsc.bounds.noise import Adversarial, Gaussian, Independent, Martingale, NoNoise
from dcsc.bounds.tails import L1, Bentkus, Chernoff, Exact, Hoeffding, Lattice, Selberg
from dcsc.codes import ConstantAmplitudes, GaussianAmplitudes, UniformAmplitudes
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    EffectiveDictionary,
    NormalizedDictionary,
    SignedDictionary,
    ToeplitzDictionary,
)
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
    StripeProjection,
    StripeTopK,
    TopK,
)
from dcsc.pursuits import (
    MLFISTA,
    BasisPursuit,
    Debiased,
    HardThresholdingPursuit,
    Holistic,
    Layered,
    OneStep,
    OrthogonalMatchingPursuit,
    ProximalGradient,
)
from dcsc.signs import BlockSigns, FilterSigns, FixedSigns, IdentitySigns, RademacherSigns


@attrs.frozen(eq=False)
class Plain(Dictionary):
    """What a stranger writes: two shapes and two hooks, the rest is left to the defaults.

    No BLAS takes part, whose flags of invalid values may mean nothing.
    """

    matrix: np.ndarray
    signal_shape: tuple[int, ...]
    code_shape: tuple[int, ...]

    def _synthesize(self, codes):
        matrix = self.matrix.astype(codes.dtype)
        flat = np.einsum("bk,nk->bn", codes.reshape(len(codes), -1), matrix)
        return flat.reshape(len(codes), *self.signal_shape)

    def _analyze(self, signals):
        matrix = self.matrix.astype(signals.dtype)
        flat = np.einsum("bn,nk->bk", signals.reshape(len(signals), -1), matrix)
        return flat.reshape(len(signals), *self.code_shape)


DICTIONARIES = {
    CirculantDictionary: lambda some: CirculantDictionary(**some.circle()),
    ToeplitzDictionary: lambda some: ToeplitzDictionary(**some.segment()),
    DenseDictionary: lambda some: DenseDictionary(some.matrix()),
    SignedDictionary: lambda some: SignedDictionary(*some.dictionary_and_signs()),
    NormalizedDictionary: lambda some: NormalizedDictionary(some.dictionary(live=True)),
    EffectiveDictionary: lambda some: EffectiveDictionary(*some.chain()),
    Plain: lambda some: Plain(*some.matrix_and_shapes()),
}

SIGNS = {
    IdentitySigns: lambda some, shape: IdentitySigns(),
    RademacherSigns: lambda some, shape: RademacherSigns(),
    FilterSigns: lambda some, shape: FilterSigns(),
    BlockSigns: lambda some, shape: BlockSigns(some.integer(1, 3), some.sides(shape)),
    FixedSigns: lambda some, shape: FixedSigns(some.signs(shape), some.law()),
}

PROJECTIONS = {
    HardThreshold: lambda some, dictionary: HardThreshold(some.threshold(dictionary)),
    SoftThreshold: lambda some, dictionary: SoftThreshold(some.threshold(dictionary)),
    ReLU: lambda some, dictionary: ReLU(some.threshold(dictionary)),
    JumpReLU: lambda some, dictionary: JumpReLU(some.threshold(dictionary)),
    FirmThreshold: lambda some, dictionary: FirmThreshold(*some.two_thresholds(dictionary)),
    GroupHardThreshold: lambda some, dictionary: GroupHardThreshold(some.level()),
    GroupSoftThreshold: lambda some, dictionary: GroupSoftThreshold(some.level()),
    GroupMax: lambda some, dictionary: GroupMax(some.integer(1, 4)),
    PositionTopK: lambda some, dictionary: PositionTopK(some.integer(1, 4)),
    TopK: lambda some, dictionary: TopK(some.count(dictionary)),
    PositiveTopK: lambda some, dictionary: PositiveTopK(some.count(dictionary)),
    BatchTopK: lambda some, dictionary: BatchTopK(some.count(dictionary)),
    StripeTopK: lambda some, dictionary: StripeTopK(some.sparsity(dictionary)),
    StripeProjection: lambda some, dictionary: StripeProjection(some.packing(dictionary)),
}

PURSUITS = {
    OneStep: lambda some: OneStep(),
    ProximalGradient: lambda some: ProximalGradient(some.flag(), iterations=20),
    BasisPursuit: lambda some: BasisPursuit(some.level(), gap=1e-10),
    OrthogonalMatchingPursuit: lambda some: some.matching(),
    HardThresholdingPursuit: lambda some: HardThresholdingPursuit(iterations=20),
    Debiased: lambda some: Debiased(some.pursuit(but=Debiased)),
}

PATHWAY_PURSUITS = {
    Layered: lambda some: Layered(some.pursuit()),
    Holistic: lambda some: Holistic(some.pursuit()),
    MLFISTA: lambda some: MLFISTA(20, some.flag()),
}

BOUNDS = {
    UniformBound: lambda some: UniformBound(),
    ProbabilisticBound: lambda some: ProbabilisticBound(),
    RobustBound: lambda some: RobustBound(),
    HybridBound: lambda some: HybridBound(),
    LayeredBound: lambda some: LayeredBound(),
    InstanceBound: lambda some: InstanceBound(),
    UniquenessBound: lambda some: UniquenessBound(),
    BasisPursuitBound: lambda some: BasisPursuitBound(),
    MatchingBound: lambda some: MatchingBound(),
    ExactRecoveryBound: lambda some: ExactRecoveryBound(),
    FuchsBound: lambda some: FuchsBound(),
    DualBound: lambda some: DualBound(),
}

THEOREMS = {
    **BOUNDS,
    PartialBound: lambda some: PartialBound(),
    CodeBound: lambda some: CodeBound(0),
}

AMPLITUDES = {
    ConstantAmplitudes: lambda some: ConstantAmplitudes(some.size(), some.flag()),
    UniformAmplitudes: lambda some: UniformAmplitudes(*some.interval(), some.flag()),
    GaussianAmplitudes: lambda some: GaussianAmplitudes(some.size(), some.flag()),
}

OBJECTIVES = {
    ExpectedWrong: lambda some: ExpectedWrong(),
    FewestMissed: lambda some: FewestMissed(some.size()),
}

NOISES = {kind: kind() for kind in (NoNoise, Independent, Martingale, Adversarial, Gaussian)}

TAILS = {
    L1: [L1()],
    Hoeffding: [Hoeffding()],
    Chernoff: [Chernoff()],
    Bentkus: [Bentkus()],
    Exact: [Exact(), Exact(most=3)],  # larger ones it leaves to the lattice
    Lattice: [Lattice(500)],
    Selberg: [Selberg(), Selberg(3)],
}


def tails():
    return [tail for several in TAILS.values() for tail in several]
