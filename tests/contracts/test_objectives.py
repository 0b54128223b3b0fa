"""The laws of objectives, and faults that the check must find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.bounds import ExpectedWrong, FewestMissed, Objective
from dcsc.errors import ContractError, DcscError
from dcsc.testing import check_objective
from tests import cases
from tests.strategies import Ingredients


@pytest.mark.parametrize("kind", cases.OBJECTIVES)
@settings(max_examples=10)
@given(data=st.data())
def test_laws(kind, data):
    check_objective(
        cases.OBJECTIVES[kind](Ingredients(data.draw)), rng=data.draw(st.integers(0, 99))
    )


class Sound(Objective):
    def _costs(self, missed, false_alarms):
        return missed + 2 * false_alarms


class Late(Sound):
    def _costs(self, missed, false_alarms):
        return false_alarms - missed


class Ordered(Sound):
    def _costs(self, missed, false_alarms):
        return missed + np.arange(missed.shape[1]) * false_alarms


class Empty(Sound):
    def _costs(self, missed, false_alarms):
        return missed * np.nan


class Short(Sound):
    def _costs(self, missed, false_alarms):
        return missed[:, :1].sum(axis=0)


class Writing(Sound):
    def _costs(self, missed, false_alarms):
        missed += false_alarms
        return missed


@pytest.mark.parametrize(
    ("faulty", "law"),
    [
        (Late, "without false alarms the least cost is at the fewest misses|no less"),
        (Ordered, "the order of the groups does not matter"),
        (Empty, "a number, or infinity, for every place"),
        (Short, "a number, or infinity, for every place"),
        (Writing, "inputs are left as they were"),
    ],
)
def test_a_fault_is_found(faulty, law):
    check_objective(Sound())
    with pytest.raises(AssertionError, match=f"{faulty.__name__} breaks the law '({law})"):
        check_objective(faulty())


def test_what_is_no_table():
    for objective in (ExpectedWrong(), FewestMissed(1.0)):
        for missed, raised in (([1.0], [1.0]), ([[1.0]], [[1.0, 2.0]]), (np.zeros((0, 2)),) * 2):
            with pytest.raises(DcscError, match="expected two of one shape"):
                objective.costs(missed, raised)
    with pytest.raises(ContractError, match=r"Short\._costs"):
        Short().costs([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(DcscError, match="check_objective: objective"):
        check_objective(ExpectedWrong)
