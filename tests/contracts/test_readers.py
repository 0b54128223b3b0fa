"""The laws of readers, and faults that the check must find."""

import attrs
import numpy as np
import pytest

from dcsc.errors import DcscError
from dcsc.networks.operations import Operation
from dcsc.networks.readers import NpzReader, Tensors, WeightsReader
from dcsc.testing import check_reader
from tests.networks.cases import READERS


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_laws(kind, seed, tmp_path):
    check_reader(kind(), READERS[kind](tmp_path), rng=seed)


def test_laws_with_a_geometry(tmp_path):
    path = READERS[NpzReader](tmp_path)
    layers = [{"name": "a", "stride": 2, "activation": "relu"}]
    check_reader(NpzReader(), path, geometry={"layers": layers})


# ---- faults the check must find ------------------------------------------------------------------

HEADER = b"raw"


class Sound(WeightsReader):
    """A header, the number of floats, four bytes without a meaning, and the floats."""

    suffixes = (".raw",)

    def _tensors(self, path):
        content = path.read_bytes()
        numbers = content[8:]
        if content[:3] != HEADER or len(numbers) != 4 * content[3] or not numbers:
            raise DcscError("expected a whole file")
        weight = np.frombuffer(numbers, "<f4")
        return Tensors({"a.weight": self._weight(weight.reshape(1, 1, -1))})

    def _weight(self, weight):
        return weight


def written(folder):
    weight = np.arange(1, 9, dtype="<f4")
    path = folder / "net.raw"
    path.write_bytes(HEADER + bytes([len(weight)]) + bytes(4) + weight.tobytes())
    return path


class Unnamed(Sound):
    suffixes = ()


class Loud(Sound):
    suffixes = (".RAW",)


class Dotless(Sound):
    suffixes = ("raw",)


class Complex(Sound):
    def _weight(self, weight):
        return weight + 1j


class Noisy(Sound):
    def _weight(self, weight):
        return weight + np.random.default_rng().normal(size=weight.shape).astype("f4")


class Writing(Sound):
    def _tensors(self, path):
        tensors = super()._tensors(path)
        path.write_bytes(path.read_bytes()[:4] + b"seen" + path.read_bytes()[8:])
        return tensors


class Broken(Sound):
    """A step whose numbers are not finite, in an operation of its own."""

    def _read(self, path, geometry):
        network = super()._read(path, geometry)
        (node,) = network.graph.nodes
        step = attrs.evolve(node, operation=Scaled(np.array([np.inf])))
        return attrs.evolve(network, graph=attrs.evolve(network.graph, nodes=[step]))


@attrs.frozen
class Scaled(Operation):
    factors: np.ndarray = attrs.field(eq=attrs.cmp_using(eq=np.array_equal))

    def _apply(self, *values):
        return values[0] * self.factors


class Open(Sound):
    """Takes files of any name."""

    def read(self, path, geometry=None):
        return self._read(path, geometry)


class Nameless(Sound):
    def read(self, path, geometry=None):
        try:
            return super().read(path, geometry)
        except DcscError:
            raise DcscError("the file is broken") from None


class Patient(Sound):
    """Reads what there is, however short."""

    def _tensors(self, path):
        content = path.read_bytes()[8:]
        weight = np.frombuffer(content[: len(content) // 4 * 4], "<f4")
        return Tensors({"a.weight": np.append(weight, np.float32(1)).reshape(1, 1, -1)})


class Bursting(Sound):
    def _tensors(self, path):
        content = path.read_bytes()
        weight = np.frombuffer(content[8:], "<f4", content[3])
        return Tensors({"a.weight": weight.reshape(1, 1, -1)})


class Asserting(Sound):
    def _tensors(self, path):
        tensors = super()._tensors(path)
        assert path.read_bytes()[4:8] == bytes(4)
        return tensors


SUFFIXES = "suffixes are a tuple of endings in small letters, each with a dot in front"
CUT = "a file that is empty or cut off is refused with a DcscError that names it"
CHANGED = "a file with changed bytes is read, or refused with a DcscError that names it"

FAULTS = {
    Unnamed: SUFFIXES,
    Loud: SUFFIXES,
    Dotless: SUFFIXES,
    Complex: "a sound file is read",
    Noisy: "the same file gives equal networks",
    Writing: "files are left as they were",
    Broken: "weights are finite and real",
    Open: "files of other names are refused",
    Nameless: "files of other names are refused",
    Patient: CUT,
    Bursting: CUT,
    Asserting: CHANGED,
}


def test_a_sound_reader_passes(tmp_path):
    check_reader(Sound(), written(tmp_path))


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty, tmp_path):
    with pytest.raises(AssertionError) as error:
        check_reader(faulty(), written(tmp_path))
    assert str(error.value).startswith(f"{faulty.__name__} breaks the law '{FAULTS[faulty]}': ")
