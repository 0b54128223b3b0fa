"""The tables of a sweep file, as frozen records, and how an axis varies them."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from dcsc._cached import cached_property
from dcsc._words import quoted
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.experiments.sweeps.canonical import canonical
from dcsc.experiments.sweeps.strategies import Strategy
from dcsc.experiments.sweeps.strict import is_number

__all__ = [
    "FORWARD",
    "RESERVED",
    "Axis",
    "Codes",
    "Constants",
    "LayerTable",
    "Task",
    "check_axis_name",
    "check_labels",
    "check_part",
    "clashes",
    "put",
    "substitute",
]


# Names of variables in the results; no axis can have one of them.
RESERVED = (
    *("layer", "bound", "trials", "failures", "rate", "low", "best", "high", "settled"),
    *("seconds", "infeasible"),
    *(
        "layer_failures",
        "layer_rate",
        "missed",
        "false_alarms",
        "layer_low",
        "layer_best",
        "layer_high",
    ),
    *("guarantee", "guarantee_low", "conditional", "why", "limit", "kept"),
    *("layer_coherence", "layer_sparsity", "layer_x_min", "layer_x_max", "layer_noise"),
    *("partial", "partial_why", "partial_conditional", "missed_limit"),
    *("proved_recall_low", "proved_recall_high", "proved_missed_low", "proved_missed_high"),
    *("proved_false_alarms_low", "proved_false_alarms_high"),
    *("proved_false_per_active_low", "proved_false_per_active_high"),
    *("active", "recall", "false_per_active"),
)


# The pursuit that has no part in an identity: what was counted before there was another.
FORWARD = Strategy("OneStep")


@attrs.frozen
class LayerTable:
    """One layer: strategies for the dictionary, the projection and the signs."""

    dictionary: Strategy
    projection: Strategy
    signs: Strategy = Strategy("RademacherSigns")

    @property
    def text(self) -> str:
        """What identities are hashes of."""
        return (
            f'{{"dictionary":{self.dictionary.text},"projection":{self.projection.text},'
            f'"signs":{self.signs.text}}}'
        )

    @property
    def drawn(self) -> str:
        """The part of it that signs and noise are drawn for."""
        return f'{{"dictionary":{self.dictionary.text},"signs":{self.signs.text}}}'


@attrs.frozen
class Codes:
    """What `dcsc.codes.draw` is called with, at the deepest layer.

    ``rng`` is the sweep's seed by default.
    """

    sparsity: int
    batch: tuple[int, ...] = ()
    amplitudes: Strategy = Strategy("UniformAmplitudes")
    rng: int | None = None

    @cached_property
    def text(self) -> str:
        """What identities are hashes of."""
        return canonical(self)


@attrs.frozen
class Constants:
    """Constants that hold for all signs: ``x_min`` layer by layer, the rest is computed."""

    x_min: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if min(self.x_min, default=0) < 0:
            raise ValueError(f"x_min: expected numbers of at least 0, got {list(self.x_min)}")


@attrs.frozen(kw_only=True)
class Task:
    """Everything that makes one cell.

    Parameters
    ----------
    layers : tuple of LayerTable
        Layer 1 first.
    codes : Codes
    noise : float
        ζ, as in `dcsc.experiments.simulate`.
    pursuit : Strategy
        What finds the codes; the forward pass by default.
    depth : int, optional
        How many of the layers are used, from layer 1; all of them by default.
    seed : int
    bounds : tuple of Strategy
    delta : float
        The failure probability at which limits of the guarantees are asked for.
    constants : Constants, optional
        Declared constants for the guarantees; otherwise they are measured on the pathway of the
        first trial.
    """

    layers: tuple[LayerTable, ...]
    codes: Codes
    noise: float = 0.0
    pursuit: Strategy = FORWARD
    depth: int | None = None
    seed: int = 0
    bounds: tuple[Strategy, ...] = tuple(Strategy(kind.__name__) for kind in CLASS_BOUNDS)
    delta: float = 0.01
    constants: Constants | None = None

    def __attrs_post_init__(self) -> None:
        for name in ("layers", "noise", "seed", "delta"):
            try:
                check_part(name, getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        for text in clashes(len(self.layers), self.depth, self.constants):
            raise ValueError(text)

    @property
    def used(self) -> tuple[LayerTable, ...]:
        """The layers that are used."""
        return self.layers[: self.depth]


def check_part(name: str, value: Any) -> None:
    """Refuse a part of a task that no task can have."""
    if name == "layers" and not value:
        raise ValueError("expected one layer or more")
    if name in ("noise", "seed") and value < 0:
        raise ValueError(f"expected at least 0, got {value:g}")
    if name == "delta" and not 0 <= value <= 1:
        raise ValueError(f"expected 0 to 1, got {value:g}")


def clashes(layers: int, depth: int | None, constants: Constants | None) -> Iterator[str]:
    """Yield why parts of a task do not go together."""
    if depth is not None and not 1 <= depth <= layers:
        yield f"depth: expected 1 to {layers}, got {depth}"
    if constants is not None and len(constants.x_min) != layers:
        yield (
            f"constants.x_min: expected {layers} numbers, one per layer, got {len(constants.x_min)}"
        )


@attrs.frozen
class Axis:
    """One thing that varies.

    Parameters
    ----------
    name : str
    parameter : str
        Where it is: keys joined by dots, layers counted from 1, ``*`` for all of them:
        ``codes.sparsity``, ``layers.1.projection.threshold``, ``layers.*.signs``, ``depth``.
    values : tuple
        Numbers, names or whole tables.
    labels : tuple of numbers or strings
        What the values are called: the values themselves where they are numbers or names.
    """

    name: str
    parameter: str
    values: tuple[Any, ...] = attrs.field(hash=False)
    labels: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        """Whether the labels are numbers."""
        return all(isinstance(label, int | float) for label in self.labels)


def check_axis_name(name: str) -> None:
    """Refuse a name that the results cannot have for an axis."""
    if name in RESERVED:
        raise ValueError(f"expected another name: {quoted(name)} is one of the results'")
    if not name.isidentifier():
        raise ValueError(f"expected a name of letters, digits and _, got {quoted(name)}")


def check_labels(labels: tuple[Any, ...]) -> None:
    """Refuse labels that are not all numbers or all strings, or of which two agree."""
    if not (all(map(is_number, labels)) or all(isinstance(label, str) for label in labels)):
        raise ValueError("labels: expected numbers or strings")
    if len(set(labels)) < len(labels):
        raise ValueError(f"expected values that differ, got {quoted(list(labels))}")


def substitute(table: Mapping[str, Any], parameter: str, value: Any) -> dict[str, Any]:
    """Return the table with another value in one place; a name in the way becomes a table."""
    return dict(put(table, parameter.split("."), value))


def put(node: Any, path: list[str], value: Any) -> Any:
    """Return what stands at a place with another value further inside."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(node, list | tuple):
        chosen = range(len(node)) if key == "*" else [_place(key, len(node))]
        return [put(item, rest, value) if at in chosen else item for at, item in enumerate(node)]
    if isinstance(node, str):
        node = {"kind": node}
    if not isinstance(node, Mapping | None):
        raise ValueError(f"expected a table to put {quoted(key)} into, got {quoted(node)}")
    inner = dict(node or {})
    inner[key] = put(inner.get(key), rest, value)
    return inner


def _place(key: str, count: int) -> int:
    if not key.isdigit() or not 1 <= int(key) <= count:
        raise ValueError(f"expected a number from 1 to {count} or *, got {quoted(key)}")
    return int(key) - 1
