"""The inputs of a network: arrays, pictures and sounds from files, or noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from PIL import Image

from dcsc._archives import npz_arrays
from dcsc._arguments import instances, mapping, two_ends
from dcsc._arrays import (
    Array,
    Rng,
    brief,
    generator,
    integer,
    numeric_array,
    real_array,
)
from dcsc._fields import named, named_field
from dcsc._files import regular_file
from dcsc._media import loudest, read_array, read_picture, read_sound, reading
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.graph import Input, fits, misfit
from dcsc.networks.labels import labels_of
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.networks.operations.base import checked_size
from dcsc.networks.shipped import digits_inputs

__all__ = [
    "Inputs",
    "channels_last",
    "class_names",
    "fitted",
    "noise_inputs",
    "read_inputs",
    "shape_of",
    "shipped_inputs",
]

_SIDE = 256
_LENGTH = 16384
_LABELS = ("labels", "label", "y")
_SMALL = 64
_WHERE = "read_inputs: path"


def _arrays(value: Any, record: Any, where: str) -> dict[str, Array]:
    arrays = {
        str(name): numeric_array(array, f"{where}: {name}")
        for name, array in mapping(value, where).items()
    }
    if not arrays or any(array.ndim == 0 for array in arrays.values()):
        raise DcscError(
            f"{where}: expected an array with a batch for each input, got {quoted(value)}"
        )
    return arrays


def _labels(value: Any, record: Any, where: str) -> Array | None:
    if value is None:
        return None
    labels = labels_of(value, where)
    if labels.dtype.kind in "US":
        return labels
    if numeric_array(labels, where).dtype.kind not in "biu":
        raise DcscError(f"{where}: expected whole numbers or words, got {quoted(value)}")
    return labels


def class_names(value: Any, record: Any, where: str) -> tuple[str, ...]:
    """Return the names of classes, as the converter of a field."""
    names = instances(value, str, where)
    if not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise DcscError(
            f"{where}: expected names that differ, none of them empty, got {quoted(names)}"
        )
    return names


def _span(value: Any, record: Any, where: str) -> tuple[float, float] | None:
    return None if value is None else two_ends(value, where)


@attrs.frozen(eq=False)
class Inputs:
    """The inputs of a network.

    Parameters
    ----------
    name : str
    values : mapping of str to array_like
        One array for each input of the network, the batch first; tensors become arrays.
    labels : array_like of int or str, shape (batch,), or None
        The class of each.
    note : str
        How they were made to fit, in a sentence, or that they are no data.
    span : (float, float), or None
        Between which numbers all inputs of this kind lie, if that is known.
    class_names : sequence of str, optional
        What the classes are called, in the order of the network's outputs.
    """

    name: str
    values: Mapping[str, Array] = attrs.field(
        converter=named(_arrays),  # type: ignore[misc]  # see `named`
        repr=lambda values: f"<{len(values)}>",
    )
    labels: Array | None = attrs.field(
        default=None,
        converter=named(_labels),  # type: ignore[misc]  # see `named`
        repr=lambda x: "" if x is None else brief(x),
    )
    note: str = ""
    span: tuple[float, float] | None = named_field(_span, default=None)
    class_names: tuple[str, ...] = named_field(class_names, default=())

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(next(iter(self.values.values())))

    def class_of(self, label: Any) -> str:
        """Return what a class is called: its name, or its label where it has none."""
        names = self.class_names
        number = isinstance(label, int | np.integer) and 0 <= label < len(names)
        return names[label] if number else str(label)

    def first(self, most: int) -> "Inputs":
        """Return the first ones, or all where the arrays have batches of different sizes."""
        integer(most, "Inputs.first: most", minimum=0)
        if len({value.shape[:1] for value in self.values.values()}) > 1:
            return self
        values = {name: value[:most] for name, value in self.values.items()}
        return attrs.evolve(self, values=values, labels=_up_to(self.labels, most))


def _up_to(labels: Array | None, most: int) -> Array | None:
    return None if labels is None else labels[:most]


def shipped_inputs() -> Inputs:
    """Return the digits that come with dcsc, for the networks that come with it."""
    digits = digits_inputs()
    note = "Handwritten digits of 8 × 8 pixels that the network has not seen in training."
    return Inputs("digits", {"input": digits.images}, digits.labels, note, span=(0.0, 1.0))


def noise_inputs(network: ConvNetwork, count: int = 8, rng: Rng = 0) -> Inputs:
    """Return normal numbers of variance 1: something to run a network on, and no data.

    Axes of any length are 64 samples long in two dimensions, and 16384 in one.

    Raises
    ------
    DcscError
        If the shape of an input is not known or too large, or integers are expected.
    """
    network_of(network, "noise_inputs: network")
    batch = integer(count, "noise_inputs: count", minimum=1)
    random = generator(rng, "noise_inputs: rng")
    values = {}
    for needed in network.inputs:
        if needed.integer:
            raise DcscError(f"noise_inputs: {needed.name}: integers are expected, give data")
        shape = shape_of(network, needed)
        lengths = [size or (_SMALL if len(shape) > 3 else _LENGTH) for size in shape[1:]]
        size = checked_size((shape[0] or batch, *lengths), f"network: input {needed.name}")
        values[needed.name] = random.normal(size=size)
    note = "These inputs are normal noise, not data: what the codes are like on data may differ."
    return Inputs("noise", values, note=note)


def read_inputs(network: ConvNetwork, path: str | Path) -> Inputs:
    """Return the inputs in a file, for this network.

    A ``.npy`` holds a batch of inputs or one of them; an ``.npz`` holds inputs, and labels under
    ``labels``; a network with several inputs finds them in an ``.npz`` under their names. Another
    file is for the first input, and the others, states of a recurrent cell for example, are zero,
    which the note says; integers have to be given.

    Pictures are scaled to [0, 1] by their depth, made grey for a network of one channel, and their
    channels put last where the network has them there; sounds (``.wav``) are scaled to [-1, 1],
    their channels averaged; floats stay as they are. Where the network asks for a certain size they
    are brought to it, and otherwise pictures are shrunk to at most 256 samples a side and sounds
    cut to 16384.

    Raises
    ------
    DcscError
        If the file cannot be read as one of these, or does not fit.
    """
    network_of(network, "read_inputs: network")
    file = regular_file(path, _WHERE)
    ending = file.suffix.lower()
    if ending == ".npz":
        return _archive(network, file)
    if ending == ".npy":
        value, note = read_array(file, _WHERE), ""
    else:
        value, note = (_sound if ending == ".wav" else _picture)(network, file)
    values = fitted(network, value, file)
    zeros = listed(needed.name for needed in network.inputs[1:])
    return Inputs(file.name, values, note=note if len(values) == 1 else f"{note} Zero: {zeros}.")


def channels_last(shape: Sequence[int | None]) -> bool:
    """Return whether a batch of this shape is one of pictures whose channels come last."""
    return len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3)


def shape_of(network: ConvNetwork, needed: Input) -> tuple[int | None, ...]:
    """Return the shape of an input, the batch first; None is any length."""
    if needed.shape is not None:
        if not needed.shape:
            raise DcscError(
                f"network: input {needed.name}: expected axes, the batch first, got none"
            )
        checked_size(tuple(size or 1 for size in needed.shape), f"network: input {needed.name}")
        return needed.shape
    first = next((c for c in network.convolutions if c.signal == needed.name), None)
    if first is None:
        raise DcscError(f"read_inputs: {needed.name}: the network does not say its shape")
    return (None, first.weight.shape[1] * first.groups, *[None] * (first.weight.ndim - 2))


def fitted(network: ConvNetwork, value: Array, file: Path) -> dict[str, Array]:
    """Return a batch for the first input, with the batch axis where it lacks; others are zero."""
    first, *others = network.inputs
    batch = _batch(value, first, shape_of(network, first), file)
    return {first.name: batch} | {
        needed.name: np.zeros(_zero_shape(network, needed, len(batch), file)) for needed in others
    }


def _zero_shape(network: ConvNetwork, needed: Input, count: int, file: Path) -> tuple[int, ...]:
    """Return the shape of an input that is zero: the batch is as large as that of the first."""
    batch, *lengths = needed.shape or (None, None)
    if needed.integer or not needed.shape or (count > 1 and None in lengths):
        names = listed(each.name for each in network.inputs)
        raise DcscError(
            f"read_inputs: {file.name}: {needed.name}: expected an .npz with the inputs {names}, "
            f"for this one is no array of floating numbers whose size is known"
        )
    return (count if batch is None else batch, *(length or 1 for length in lengths))


def _batch(value: Array, needed: Input, shape: tuple[int | None, ...], file: Path) -> Array:
    where = f"read_inputs: {file.name}: {needed.name}"
    array = numeric_array(value, where) if needed.integer else real_array(value, where) * 1.0
    if array.ndim == len(shape) - 1:
        array = array[None]
    if not fits((None, *shape[1:]), array.shape):
        raise DcscError(f"{where}: {misfit(shape, array.shape)}")
    if not len(array):
        raise DcscError(f"{where}: expected at least one input, got none")
    return array


def _archive(network: ConvNetwork, file: Path) -> Inputs:
    with reading(file, _WHERE, "an .npz file"):
        arrays = npz_arrays(file, kinds="biufcSU")
    labels = next((arrays.pop(name) for name in _LABELS if name in arrays), None)
    if len(network.inputs) == 1 and len(arrays) == 1:
        values = fitted(network, next(iter(arrays.values())), file)
    else:
        names = [needed.name for needed in network.inputs]
        if not set(names) <= set(arrays):
            raise DcscError(
                f"read_inputs: {file.name}: expected the inputs {listed(names)}, and no others "
                f"but labels, got {listed(arrays)}"
            )
        values = {
            needed.name: _batch(arrays[needed.name], needed, shape_of(network, needed), file)
            for needed in network.inputs
        }
    count = len(next(iter(values.values())))
    if labels is not None and labels.shape != (count,):
        raise DcscError(
            f"read_inputs: {file.name}: labels: expected one for each of {count} inputs, got "
            f"shape {labels.shape}"
        )
    return Inputs(file.name, values, labels)


def _picture(network: ConvNetwork, file: Path) -> tuple[Array, str]:
    shape = shape_of(network, network.inputs[0])
    last = channels_last(shape)
    if last:
        shape = (shape[0], shape[3], *shape[1:3])
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise DcscError(
            f"read_inputs: {file.name}: expected a network of one or three channels in two "
            f"dimensions for a picture, this one takes {network.inputs[0]}"
        )
    picture = read_picture(file, _WHERE)
    values = picture.grey if shape[1] == 1 else picture.colour
    height, width = values.shape[1:]
    scale = min(1.0, _SIDE / max(width, height))
    size = [
        asked or max(1, round(side * scale))
        for asked, side in zip(shape[2:], (height, width), strict=True)
    ]
    note = f"The picture's values are {picture.scale}, and its size is {size[0]} × {size[1]}."
    resized = _resized(values, size[0], size[1])
    return np.moveaxis(resized, 0, -1) if last else resized, note


def _resized(values: Array, height: int, width: int) -> Array:
    """Return a picture of another size, by cubic interpolation that does not overshoot."""
    if values.shape[1:] == (height, width):
        return values
    resized = [
        Image.fromarray(channel.astype(np.float32)).resize((width, height)) for channel in values
    ]
    return np.clip(np.array(resized, dtype=np.float64), values.min(), values.max())


def _sound(network: ConvNetwork, file: Path) -> tuple[Array, str]:
    shape = shape_of(network, network.inputs[0])
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[1] != 1):
        raise DcscError(
            f"read_inputs: {file.name}: expected a network of one channel in one dimension for a "
            f"sound, this one takes {network.inputs[0]}"
        )
    sound = read_sound(file, _WHERE)
    wave = sound.mono
    length = shape[-1] or min(len(wave), _LENGTH)
    if len(wave) < length:
        raise DcscError(f"read_inputs: {file.name}: expected {length} samples, got {len(wave)}")
    note = f"The loudest {length} samples, values {sound.scale}, at {sound.rate} Hz."
    return loudest(wave, length).reshape((1, length)[-(len(shape) - 1) :]), note
