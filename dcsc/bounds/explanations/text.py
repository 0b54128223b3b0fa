"""An explanation in plain words, to be read in a terminal or aloud."""

import math
import re
import textwrap
from typing import TYPE_CHECKING

from dcsc._display import ends
from dcsc._words import quoted
from dcsc.bounds.explanations.parts import Change, LayerExplanation, StrideOption, Verdict
from dcsc.bounds.guarantee import Guarantee, claimed
from dcsc.bounds.partial import LayerPartial, PartialBound
from dcsc.bounds.sides import Side, WeakAtom
from dcsc.dictionaries import AtomPair
from dcsc.pursuits.pathways.layered import FORWARD_PASS

if TYPE_CHECKING:
    from dcsc.bounds.explanations.records import Explanation

__all__ = ["described"]

_WIDTH = 100
_FORMULA = "failure probability"
_ASKED = (
    "Asked for: each layer, alone with the noise that enters it, fails with probability at most "
    "delta = {delta}. Changes are of one quantity at a time, and keep the rest as it is."
)
_LEGEND = (
    "S is the largest number of non-zeros in a stripe, mu the coherence, x_min and x_max the "
    "smallest and the largest non-zero, zeta the largest norm of a patch of the noise that enters, "
    "N the number of atoms times columns, delta the failure probability asked for."
)


def described(explanation: "Explanation") -> str:
    """Return the whole text."""
    delta = explanation.failure_probability
    lines = [*_wrap(0, explanation.headline), ""]
    if explanation.pursuit != FORWARD_PASS:
        lines += _wrap(0, f"What runs the model: {quoted(explanation.pursuit)}.")
    lines += _wrap(0, _ASKED.format(delta=_n(delta)))
    for guarantee in explanation.guarantees:
        lines += _wrap(0, _overall(guarantee))
    for refusal in explanation.refusals:
        lines += _wrap(0, f"Not used: {_short(refusal.reason)}.")
    for layer in explanation.layers:
        lines += ["", *_layer(layer, delta)]
    return "\n".join([*lines, "", *_wrap(0, _LEGEND)])


def _overall(guarantee: Guarantee) -> str:
    probability = _probability(
        guarantee.failure_probability, guarantee.lower, guarantee.layers[0].noise
    )
    where = "the layer" if len(guarantee.layers) == 1 else f"all {len(guarantee.layers)} layers"
    read_off = "; constants below the deepest layer are those of this draw"
    return f"{guarantee.bound}, {where}: {probability}{read_off if guarantee.conditional else ''}."


def _layer(layer: LayerExplanation, delta: float) -> list[str]:
    constants = layer.statistics
    known = [
        f"mu = {_n(constants.coherence)}",
        f"x_min = {_n(constants.x_min)}",
        f"x_max = {_n(constants.x_max)}",
    ]
    if constants.sparsity is not None:
        known.insert(0, f"S = {constants.sparsity}")
    if constants.n_atoms is not None:
        known.append(f"N = {constants.tests}")
    if layer.thresholds:
        known.append(f"{layer.parameter} {_range(layer.thresholds)}")
    lines = _wrap(0, f"Layer {layer.number}: " + ", ".join(known) + ".")
    if layer.pair is not None:
        lines += _wrap(2, _pair(layer.pair))
    limits: tuple[tuple[str, float | None], ...]
    limits = (("for certain", layer.guaranteed), (f"with delta = {_n(delta)}", layer.likely))
    if not layer.verdicts:
        lines += _wrap(2, "No theorem applies.")
        limits = ()
    for certainty, limit in limits:
        lines += _wrap(2, f"Proved {certainty}: {_up_to(limit, constants.stripe_size)}.")
    if layer.partial is not None:
        lines += _wrap(2, _partial(layer.partial))
    for verdict in layer.verdicts:
        lines += _verdict(verdict, layer, delta)
    lines += _assumed(layer)
    for option in layer.strides:
        lines += _wrap(2, _stride(option, bool(layer.verdicts)))
    return lines


def _partial(part: LayerPartial) -> str:
    if any(hypothesis.holds is False for hypothesis in part.hypotheses):
        return "In part: nothing either, for a condition is false."
    found, raised = part.recall, part.false_per_active
    alarms = f"and {ends(*raised)} false alarms for each of them"
    if math.isinf(raised.high):
        alarms = "and any number of false alarms"
    return (
        f"In part: in the mean over random signs a share of {ends(*found)} of the non-zeros is "
        f"found, {alarms}."
    )


def _pair(pair: AtomPair) -> str:
    first, second = pair.filters
    value = f"have inner product {_n(pair.value)}"
    if not pair.offset:
        return f"mu: filters {first} and {second} {value}."
    if pair.everywhere:
        moved = f" moved by {_place(pair.offset)}" if any(pair.offset) else ""
        relation = f"filter {first} and filter {second}{moved} {value}, at every position"
    else:
        places = [_place(place) for place in pair.positions]
        relation = (
            f"filter {first} at position {places[0]} and filter {second} at position {places[1]} "
            f"{value}" + ("; one of them is cut off at the border" if pair.cut else "")
        )
    return f"mu: {relation}."


def _verdict(verdict: Verdict, layer: LayerExplanation, delta: float) -> list[str]:
    part, name = verdict.guarantee, layer.parameter
    probability = _probability(part.failure_probability, part.least, part.noise)
    lines = _wrap(2, f"{verdict.bound}, zeta = {_n(part.noise)}: {probability}.")
    # what is not met comes first, and then what the bound compares
    formulas = tuple(side.left for side in verdict.sides)
    for statement in verdict.violations:
        if not any(formula in statement for formula in formulas):
            lines += _wrap(4, f"Not met: {_of_layer(statement, layer.number)}.")
    for side in verdict.sides:
        # a formula that reaches delta is of no use where a condition is false
        if not (verdict.violations and side.left == _FORMULA and side.holds):
            lines += _wrap(4, _side(side))
    low, high = part.threshold
    if verdict.inside and low < high:
        lines += _wrap(4, f"The {name} lies where it may, between {_n(low)} and {_n(high)}.")
    for atom in verdict.atoms:
        lines += _wrap(4, _atom(atom))
    lines += _wrap(4, _changes(verdict, layer, delta))
    return lines


def _side(side: Side) -> str:
    relation = "below" if side.strict else "at most"
    slack = f"{_n(abs(side.slack))} " + ("to spare" if side.holds else "too much")
    if side.left == _FORMULA and side.left_value > 1:
        return (
            f"Its formula gives {_n(side.left_value)} for the {side.left}, and must give "
            f"{relation} {side.right} = {_n(side.right_value)}."
        )
    return (
        f"{side.left} = {_n(side.left_value)} must be {relation} {side.right} = "
        f"{_n(side.right_value)}: {slack}."
    )


def _atom(atom: WeakAtom) -> str:
    where = f"filter {atom.filter}" + (
        f" at position {_place(atom.position)}" if atom.position else ""
    )
    column = f", column {atom.column}" if atom.column else ""
    neighbours = "neighbour" if atom.interferers == 1 else "neighbours"
    noise = f" less {_n(atom.noise)} for the noise" if atom.noise else ""
    spread = (
        f", the largest with {_percent(atom.largest)} of the variance, the three largest with "
        f"{_percent(atom.largest_three)}"
        if atom.interferers
        else ""
    )
    return (
        f"Weak: {where}{column}, {'on' if atom.on_support else 'off'} the support, adds "
        f"{_n(atom.probability)}, {_percent(atom.share)} of the bound, by {atom.cause}: "
        f"{atom.interferers} {neighbours}{spread}. They reach at most {_n(atom.reach)}; "
        f"{_n(atom.level)}{noise} is failure, {_n(atom.margin)} standard deviations away."
    )


def _changes(verdict: Verdict, layer: LayerExplanation, delta: float) -> str:
    """Say what would lead to δ, and what cannot."""
    never = [change.quantity for change in verdict.changes if change.needed is None]
    best, clauses = verdict.best, []
    if best is not None:
        at, value = _n(best.threshold), _n(best.failure_probability)
        if best.failure_probability <= delta:
            clauses = [f"{layer.parameter} {at} gives {value}"]
        elif best.failure_probability < 1:
            clauses = [f"the best {layer.parameter}, {at}, gives {value}"]
        else:
            clauses = [f"no {layer.parameter} is enough"]
    # another threshold is named already where it is all that is missing
    fails = verdict.failure_probability > delta
    clauses += [
        _change(change, layer)
        for change in verdict.changes
        if _tells(change) and not (fails and change.met and not change.keeps_threshold)
    ]
    if never:
        names = " or ".join(filter(None, [", ".join(never[:-1]), never[-1]]))
        clauses.append(f"cannot be reached by {names} alone")
    return "For delta: " + "; ".join(clauses) + "." if clauses else ""


def _tells(change: Change) -> bool:
    """Return whether a change is worth a line; a limit that is kept and yet not enough is not."""
    if change.needed is None:
        return False
    return change.sufficient or change.now is None or change.now < change.needed


def _change(change: Change, layer: LayerExplanation) -> str:
    assert change.needed is not None
    now = "" if change.now is None else f" (now {_n(change.now)})"
    if not change.keeps_threshold:
        now += f", with a {layer.parameter} chosen anew"
    if change.quantity == "S":
        return f"S at most {_limit(change.needed, layer.statistics.stripe_size)}{now}"
    if math.isinf(change.needed):
        return f"any {change.quantity}{now}"
    relation = "at most" if change.upper else "at least"
    whatever = "" if change.sufficient else ", whatever the filters"
    return f"{change.quantity} {relation} {_n(change.needed)}{now}{whatever}"


def _assumed(layer: LayerExplanation) -> list[str]:
    """Say each assumption once, with the bounds that make it."""
    who: dict[str, list[str]] = {}
    verdicts = [(verdict.bound, verdict.assumptions) for verdict in layer.verdicts]
    if layer.partial is not None:
        unchecked = (one.statement for one in layer.partial.hypotheses if one.holds is None)
        verdicts.append((PartialBound.__name__, tuple(unchecked)))
    for name, statements in verdicts:
        for statement in dict.fromkeys(statements):
            who.setdefault(statement, []).append(name)
    lines = []
    for statement, bounds in who.items():
        names = "all" if len(bounds) == len(verdicts) else ", ".join(bounds)
        lines += _wrap(2, f"Assumed by {names}: {_of_layer(statement, layer.number)}.")
    return lines


def _stride(option: StrideOption, proved: bool) -> str:
    limit = _up_to(option.max_sparsity, option.stripe_size)
    return (
        f"With stride {_place(option.stride)}: mu = {_n(option.coherence)}, {option.stripe_size} "
        f"entries in a stripe, {option.n_atoms} atoms"
        + (f"; proved with delta: {limit}." if proved else ".")
    )


def _probability(most: float, least: float, noise: float) -> str:
    if most == 0:
        return "cannot fail"
    return claimed("fails", most, least, noise, 3) if most < 1 or least > 0 else "says nothing"


def _up_to(sparsity: float | None, stripe_size: int | None) -> str:
    return "no S, not even 0" if sparsity is None else f"S up to {_limit(sparsity, stripe_size)}"


def _limit(sparsity: float, stripe_size: int | None) -> str:
    if math.isinf(sparsity):
        return "any number"
    return f"{sparsity:.0f}" + (", a full stripe" if sparsity == stripe_size else "")


def _of_layer(statement: str, number: int) -> str:
    return _short(statement.removeprefix(f"layer {number}: "))


def _short(statement: str) -> str:
    """Return a statement with three digits of every number that is not whole."""
    return re.sub(r"\d+\.\d+(e[+-]?\d+)?", lambda number: _n(float(number[0])), statement)


def _range(values: tuple[float, ...]) -> str:
    low, high = min(values), max(values)
    return _n(low) if low == high else f"{_n(low)} to {_n(high)}"


def _place(position: tuple[int, ...]) -> str:
    return str(position[0]) if len(position) == 1 else f"({', '.join(map(str, position))})"


def _percent(share: float) -> str:
    return f"{_n(100 * share)}%"


def _n(value: float) -> str:
    """Return a number with three digits; whole ones below a million as they are."""
    if value == int(value) if math.isfinite(value) else False:
        return str(int(value)) if abs(value) < 1e6 else f"{value:.3g}"
    return f"{value:.3g}"


def _wrap(indent: int, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_on_hyphens=False,
    )
