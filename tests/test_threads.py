"""BLAS keeps to one thread while any thread asks for it, whichever comes first and leaves last."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dcsc._threads import OneBlasThread, _blas
from dcsc.dictionaries import filters


def blas_threads():
    return {library["num_threads"] for library in _blas().info()}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, "blas"):
        with OneBlasThread():  # this thread was there before all others
            assert blas_threads() == {1}
        yield
        assert blas_threads() == {2}


def inside():
    with OneBlasThread():
        return blas_threads()


def test_another_thread_asks():
    with ThreadPoolExecutor(1) as other:
        assert other.submit(inside).result() == {1}
        assert blas_threads() == {2}


@pytest.mark.parametrize("last", ["first", "second"])
def test_another_thread_leaves_last(last):
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with OneBlasThread():
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=stay)
    if last == "first":
        other.start()
        entered.wait(60)
    with OneBlasThread():
        if last == "second":
            other.start()
            entered.wait(60)
        assert blas_threads() == {1}
    assert blas_threads() == {1}
    leave.set()
    other.join()
    assert blas_threads() == {2}


def test_filters_are_the_same_in_any_thread():
    def made():
        return filters.equicorrelated(256, 512, 2, 0.0103, rng=0)

    with ThreadPoolExecutor(1) as other:
        np.testing.assert_array_equal(other.submit(made).result(), made())
