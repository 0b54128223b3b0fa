"""Every implementation is in `cases`, and a class is either abstract or a leaf."""

import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest

import dcsc
from dcsc.bounds import BoundCalculator, Objective, Theorem
from dcsc.bounds.noise import Noise
from dcsc.bounds.tails import Tail
from dcsc.codes import Amplitudes
from dcsc.dictionaries import Dictionary
from dcsc.experiments.simulation.engines import ENGINES, Engine
from dcsc.networks.autoencoders import FORMATS, AutoencoderFormat, Normalization
from dcsc.networks.operations import Operation
from dcsc.networks.readers import READERS, Reader
from dcsc.networks.tallies import InputSet
from dcsc.projections import Projection
from dcsc.pursuits import PathwayPursuit, Pursuit
from dcsc.signs import SignPattern
from tests import cases
from tests.extras import why_left_out
from tests.networks import cases as network_cases
from tests.networks import saes
from tests.networks.sets import SETS

FAMILIES = {
    Dictionary: cases.DICTIONARIES,
    SignPattern: cases.SIGNS,
    Projection: cases.PROJECTIONS,
    Pursuit: cases.PURSUITS,
    PathwayPursuit: cases.PATHWAY_PURSUITS,
    BoundCalculator: cases.BOUNDS,
    Theorem: cases.THEOREMS,
    Amplitudes: cases.AMPLITUDES,
    Noise: cases.NOISES,
    Objective: cases.OBJECTIVES,
    Tail: cases.TAILS,
    Engine: ENGINES,
    Operation: network_cases.OPERATIONS,
    Reader: network_cases.READERS,
    AutoencoderFormat: {type(one) for one in FORMATS},
    Normalization: saes.NORMALIZATIONS,
    InputSet: {kind for kind, _ in SETS.values()},
}

# A package that cannot be imported is met again in the loop, unless it needs what is missing.
for module in pkgutil.walk_packages(dcsc.__path__, "dcsc.", onerror=lambda name: None):
    path = Path(importlib.util.find_spec(module.name).origin)
    if not module.name.endswith("__main__") and not why_left_out(path):
        importlib.import_module(module.name)


def descendants(cls, package):
    """All subclasses a package defines, without the twins that slots leave behind."""
    for child in cls.__subclasses__():
        yield from descendants(child, package)
        home = sys.modules[child.__module__]
        if child.__module__.split(".")[0] == package and getattr(home, child.__name__, 0) is child:
            yield child


def missing(cls, listed, package="dcsc"):
    return {
        child
        for child in descendants(cls, package)
        if not inspect.isabstract(child) and child.__name__[0] != "_" and child not in listed
    }


def subclassed_leaves(cls, package="dcsc"):
    return {
        (leaf.__name__, child.__name__)
        for leaf in descendants(cls, package)
        if not inspect.isabstract(leaf)
        for child in descendants(leaf, package)
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_implementation_has_a_case(family):
    assert missing(family, FAMILIES[family]) == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_case_makes_what_it_says(family):
    for cls in FAMILIES[family]:
        assert issubclass(cls, family)
        assert not inspect.isabstract(cls)


@pytest.mark.parametrize("family", FAMILIES)
def test_leaves_are_not_subclassed(family):
    assert subclassed_leaves(family) == set()


def test_every_reader_is_asked_by_load():
    assert {type(reader) for reader in READERS} == set(network_cases.READERS)


class Base(SignPattern):
    pass


class Leaf(Base):
    def _draw(self, code_shape, rng):
        raise NotImplementedError


class BelowLeaf(Leaf):
    pass


def test_the_search_finds_what_it_should():
    assert missing(Base, {BelowLeaf}, "tests") == {Leaf}
    assert subclassed_leaves(Base, "tests") == {("Leaf", "BelowLeaf")}
