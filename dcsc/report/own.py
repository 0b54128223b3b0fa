"""The network as it is among random signs, in sentences."""

from collections.abc import Iterator, Sequence

from dcsc._words import counted, short
from dcsc.networks.analysis import OwnFacts, Place
from dcsc.report.numbers import percent, rate

__all__ = ["among_draws", "of_own"]

_LABEL = 30


def among_draws(facts: Sequence[OwnFacts], layers: int) -> str:
    """Say of how many layers the network's own signs find more than all that were drawn.

    Parameters
    ----------
    facts : sequence of OwnFacts
        Of the layers for which signs were drawn.
    layers : int
        How many layers there are.
    """
    if not facts:
        return ""
    more = sum(one.all.found.below == 1 for one in facts)
    rest = layers - len(facts)
    others = f" None were drawn for {counted(rest, 'other layer')}." if rest else ""
    return (
        f"With the network's own signs more active units are found than in every draw of random "
        f"ones in {more} of {counted(len(facts), 'layer')}.{others}"
    )


def of_own(facts: OwnFacts | None) -> Iterator[str]:
    """Yield what becomes of the active units with the network's own signs."""
    if facts is None:
        return
    found, raised = facts.all.found, facts.all.false_alarms
    yield (
        "The network as it is has no random signs. From the layer's own signal it finds "
        f"{percent(found.value)} of the active units again and switches on {rate(raised.value)} "
        f"others for each; {facts.draws} draws of the signs from seed {facts.seed} find "
        f"{percent(found.mean)} and switch on {rate(raised.mean)} in the mean "
        f"({counted(facts.all.inputs, 'input')}). {_place(found, 'find fewer')}, and "
        f"{_place(raised, 'switch on fewer').lower()}."
    )
    if facts.classes:
        yield (
            "By class of input, in brackets the share of draws with less: " + _classes(facts) + "."
        )


def _place(place: Place, less: str) -> str:
    """Say how many draws are below, of which ties are half."""
    if place.below in (0, 1):
        return f"{'All' if place.below else 'None'} of them {less}"
    return f"{percent(place.below)} of them {less}"


def _classes(facts: OwnFacts) -> str:
    texts = [
        f"{short(one.label or '', _LABEL)}: {percent(one.found.value)} "
        f"({percent(one.found.below)}) and {rate(one.false_alarms.value)} "
        f"({percent(one.false_alarms.below)})"
        for one in facts.classes
    ]
    return "; ".join(texts)
