"""The counterparts of projections: from coefficients to codes."""

import torch
from torch import Tensor
from torch.nn import functional

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
    TopK,
)
from dcsc.torch.base import Counterpart, counterpart

__all__ = [
    "Firm",
    "Groups",
    "Largest",
    "LargestOfBatch",
    "LargestOfGroup",
    "LargestOfPosition",
    "LargestPositive",
    "Thresholding",
]


@counterpart.register(HardThreshold)
@counterpart.register(SoftThreshold)
@counterpart.register(ReLU)
@counterpart.register(JumpReLU)
class Thresholding(Counterpart):
    """Keep what exceeds ``threshold``, a buffer, as the strategy's selection says."""

    threshold: Tensor

    def __init__(self, strategy: HardThreshold | SoftThreshold | ReLU | JumpReLU) -> None:
        super().__init__(strategy)
        self.register_buffer("threshold", torch.tensor(strategy.threshold, dtype=torch.float64))

    def forward(self, coefficients: Tensor) -> Tensor:
        selection = self.strategy.selection
        return _thresholded(coefficients, self.threshold, selection.one_sided, selection.shrinkage)


def _thresholded(
    coefficients: Tensor, threshold: Tensor, one_sided: bool, shrinkage: bool
) -> Tensor:
    levels = _beside(_rounded_down(threshold, coefficients.dtype), coefficients)
    if one_sided and shrinkage:
        return functional.relu(coefficients - levels)
    size = coefficients if one_sided else coefficients.abs()
    kept = coefficients - coefficients.sign() * levels if shrinkage else coefficients
    return torch.where(size > levels, kept, torch.zeros_like(kept))


def _beside(levels: Tensor, coefficients: Tensor) -> Tensor:
    """Return one level or one per filter with as many axes as it takes to go with coefficients."""
    return levels.view(-1, *[1] * (coefficients.ndim - 2)) if levels.ndim else levels


def _rounded_down(threshold: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the threshold in another dtype, so that every comparison ``z > β`` stays as it was."""
    kind = torch.finfo(dtype)
    levels = threshold.clamp(max=kind.max).to(dtype)
    with torch.no_grad():
        # One unit in the last place less: that of the smallest numbers is the same for all.
        least = kind.smallest_normal * kind.eps
        below = torch.where(
            levels > kind.smallest_normal, levels * (1 - kind.eps / 2) - levels, -least
        )
        step = torch.where(levels.double() > threshold.double(), below, torch.zeros_like(below))
    return levels + step


@counterpart.register(FirmThreshold)
class Firm(Counterpart):
    """The soft threshold, stretched to be the identity from ``upper`` on; both are buffers."""

    threshold: Tensor
    upper: Tensor

    def __init__(self, strategy: FirmThreshold) -> None:
        super().__init__(strategy)
        for name in ("threshold", "upper"):
            value = torch.tensor(getattr(strategy, name), dtype=torch.float64)
            self.register_buffer(name, value)

    def forward(self, coefficients: Tensor) -> Tensor:
        soft = _thresholded(coefficients, self.threshold, one_sided=False, shrinkage=True)
        upper = _beside(self.upper, coefficients)
        width = upper - _beside(self.threshold, coefficients)
        size, rest = coefficients.abs(), soft.abs()
        between = (rest != 0) & (size.double() < upper)
        # Where the two thresholds are one there is nothing between them, and no width to divide by.
        share = torch.where(between, rest / torch.where(between, width, 1), 0)
        stretched = torch.minimum(torch.maximum(share * upper, rest), size).to(soft.dtype)
        kept = torch.where(between, coefficients.sign() * stretched, coefficients)
        return torch.where(rest != 0, kept, torch.zeros_like(kept))


@counterpart.register(GroupHardThreshold)
@counterpart.register(GroupSoftThreshold)
class Groups(Counterpart):
    """Keep or shrink the filters at a position by their ℓ2 norm; ``threshold`` is a buffer."""

    threshold: Tensor

    def __init__(self, strategy: GroupHardThreshold | GroupSoftThreshold) -> None:
        super().__init__(strategy)
        self.shrinks = isinstance(strategy, GroupSoftThreshold)
        self.register_buffer("threshold", torch.tensor(strategy.threshold, dtype=torch.float64))

    def forward(self, coefficients: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(coefficients.double(), dim=1, keepdim=True)
        kept = size > self.threshold
        left = size - self.threshold if self.shrinks else size
        share = torch.where(kept, left / torch.where(kept, size, 1), 0)
        return (share * coefficients).to(coefficients.dtype)


@counterpart.register(TopK)
class Largest(Counterpart):
    """Keep the k largest sizes of each sample, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        return _largest(coefficients.flatten(1), self.strategy.k).view_as(coefficients)


@counterpart.register(PositiveTopK)
class LargestPositive(Counterpart):
    """Keep the k largest of the positive entries of each sample, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        return _largest(coefficients.flatten(1).relu(), self.strategy.k).view_as(coefficients)


@counterpart.register(PositionTopK)
class LargestOfPosition(Counterpart):
    """Keep the k largest sizes among the filters at each position, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        # Filters change places with the last axis; exporters want it by its number.
        end = coefficients.ndim - 1
        last = coefficients.transpose(1, end)
        rows = _largest(last.reshape(-1, last.shape[end]), self.strategy.k)
        return rows.view(last.shape).transpose(1, end)


@counterpart.register(GroupMax)
class LargestOfGroup(Counterpart):
    """Keep the largest entry of each group of filters if it is positive, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        end, filters = coefficients.ndim - 1, coefficients.shape[1]
        size = min(self.strategy.size, filters)
        # Filters change places with the last axis, and the last group is filled up with zeros.
        last = functional.pad(coefficients.transpose(1, end).relu(), (0, -filters % size))
        rows = _largest(last.reshape(-1, size), 1)
        return rows.view(last.shape)[..., :filters].transpose(1, end)


@counterpart.register(BatchTopK)
class LargestOfBatch(Counterpart):
    """Keep the k·B largest sizes of all B samples together, ties in C order."""

    def forward(self, coefficients: Tensor) -> Tensor:
        count = self.strategy.k * len(coefficients)
        return _largest(coefficients.reshape(1, -1), count).view_as(coefficients)


def _largest(rows: Tensor, count: int) -> Tensor:
    sizes = rows.abs()
    count = min(count, rows.shape[1])
    if not rows.numel() or not count:
        return torch.zeros_like(rows)
    # All that exceeds the last of the largest, and of its equals as many as there is room for.
    last = sizes.topk(count, dim=1).values[:, -1:]
    above, equal = sizes > last, sizes == last
    room = count - above.long().sum(dim=1, keepdim=True)
    kept = above | (equal & (equal.long().cumsum(dim=1) <= room))
    return torch.where(kept, rows, torch.zeros_like(rows))
