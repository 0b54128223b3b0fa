"""Trained networks that come with dcsc, and inputs that they have not seen.

Both read handwritten digits, three convolutions with ReLU, the largest value of each channel, and
a linear classifier. They are trained alike by ``examples/train_digits.py``, but for the coherence
penalty of the second.
"""

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import choice
from dcsc._arrays import Array, frozen_array, numeric_array
from dcsc._fields import array_field

__all__ = ["DIGITS_VARIANTS", "DigitsInputs", "digits_inputs", "digits_network_path"]

DIGITS_VARIANTS = ("plain", "incoherent")
_FOLDER = Path(__file__).parent


def _numbers(value: Any, record: Any, where: str) -> Array:
    return frozen_array(numeric_array(value, where))


@attrs.frozen(eq=False)
class DigitsInputs:
    """Images and what they show.

    Parameters
    ----------
    images : array of float32, shape (digits, 1, 8, 8)
        From 0, paper, to 1, ink.
    labels : array of int, shape (digits,)
    """

    images: Array = array_field(_numbers)
    labels: Array = array_field(_numbers)


def digits_network_path(variant: str = "plain") -> Path:
    """Return the safetensors file of a network for digits; its geometry lies beside it.

    The file says under ``training`` in its metadata, as JSON, how it was trained, and which share
    of the digits of `digits_inputs` it reads correctly.

    Parameters
    ----------
    variant : str, default "plain"
        Or ``"incoherent"``: trained with a penalty on the coherence of each layer.

    Raises
    ------
    DcscError
        If there is no such variant.

    Examples
    --------
    >>> digits_network_path().name
    'digits-plain.safetensors'
    """
    choice(variant, DIGITS_VARIANTS, "digits_network_path: variant")
    return _FOLDER / f"digits-{variant}.safetensors"


def digits_inputs() -> DigitsInputs:
    """Return the 300 digits of the test, 30 or so of each, which no training saw.

    They are from *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, 1998;
    UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0), by way of scikit-learn.

    Examples
    --------
    >>> digits = digits_inputs()
    >>> digits.images.shape, digits.labels[:5].tolist()
    ((300, 1, 8, 8), [4, 0, 7, 8, 7])
    """
    with np.load(_FOLDER / "digits.npz") as file:
        return DigitsInputs(file["images"], file["labels"].astype(np.int64))
