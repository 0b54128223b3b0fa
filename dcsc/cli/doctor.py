"""``dcsc doctor``."""

import platform
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path

import attrs
import joblib
import numpy as np
from packaging.requirements import Requirement
from threadpoolctl import ThreadpoolController

import dcsc
from dcsc._numerics.ways import plain_because
from dcsc.cli.common import print_table, say
from dcsc.dictionaries import CirculantDictionary, filters
from dcsc.errors import CompilationWarning, DcscError

__all__ = ["doctor"]

_PARTS = {
    "onnx": "ONNX files",
    "torch": "PyTorch's files and modules",
    "dask": "sweeps on a Dask cluster",
    "wavelets": "banks of wavelets",
}


@attrs.frozen
class _Package:
    """A package that dcsc, or a part of it, cannot do without."""

    requirement: Requirement
    part: str

    @property
    def version(self) -> str | None:
        """The version that is installed, if any."""
        try:
            return metadata.version(self.requirement.name)
        except metadata.PackageNotFoundError:
            return None

    @property
    def serves(self) -> bool:
        """Whether a version is installed that is new enough."""
        allowed = self.requirement.specifier
        return self.version is not None and allowed.contains(self.version, prereleases=True)

    def row(self) -> tuple[str, str, str, str]:
        """Return the package as a row of the table."""
        version = self.version or "missing"
        state = version if self.serves or not self.version else f"{version}, too old"
        needed = str(self.requirement.specifier)
        return self.requirement.name, needed, state, _PARTS.get(self.part, "all")


def doctor() -> None:
    """Say what this installation is made of, whether it computes rightly, and what is missing.

    Shows the versions of dcsc, Python and the packages beneath, the linear algebra and its threads,
    whether loops run compiled or plain, and which optional parts are there. A small computation is
    held against its definition. The command ends with code 2 if the numbers differ, or if a package
    that dcsc needs is missing or too old.

    For example:

        dcsc doctor
    """
    say(f"dcsc {dcsc.__version__} in {Path(dcsc.__file__).parent}")
    say(f"Python {platform.python_version()} in {sys.prefix}, {platform.platform()}")
    say(f"{joblib.cpu_count()} processors; {_linear_algebra()}")
    say(_computation())
    packages = _packages()
    print_table(
        "Packages", ("package", "needed", "here", "for"), [package.row() for package in packages]
    )
    lacking = [package for package in packages if not package.serves]
    for part in dict.fromkeys(package.part for package in lacking if package.part):
        say(f"For {_PARTS[part]}: pip install 'dcsc[{part}]'")
    needed = [f"'{package.requirement}'" for package in lacking if not package.part]
    if needed:
        raise DcscError(f"packages are missing or too old: pip install {' '.join(needed)}")


def _packages() -> list[_Package]:
    """Return what the metadata of dcsc asks for: in any case, and for each part."""
    texts = metadata.requires("dcsc") or ()
    requirements = [Requirement(text) for text in texts]
    return [
        _Package(Requirement(f"{requirement.name}{requirement.specifier}"), part)
        for part in ("", *_PARTS)
        for requirement in requirements
        if (requirement.marker is None) == (part == "")
        and (requirement.marker is None or requirement.marker.evaluate({"extra": part}))
        and requirement.name != "dcsc"
    ]


def _linear_algebra() -> str:
    """Return which libraries multiply matrices."""
    libraries = {
        f"{library['internal_api']} {library['version']} ({library.get('architecture', 'any')}) "
        f"on {library['num_threads']} threads"
        for library in ThreadpoolController().select(user_api="blas").info()
    }
    return "; ".join(sorted(libraries)) or "a linear algebra that does not say its name"


def _computation() -> str:
    """Hold a small computation against its definition; return how it was done, and how soon."""
    weights = filters.gaussian(3, 2, 4, rng=0)
    signal = np.arange(16.0).reshape(2, 8)
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompilationWarning)
        code = CirculantDictionary(weights, 8).analyze(signal)
    seconds = time.perf_counter() - begin
    # Each atom is a filter at a position; its coefficient is the product with what lies under it.
    patches = signal[:, (np.arange(8)[:, None] + np.arange(4)) % 8]
    if not np.allclose(code, np.einsum("nck,cpk->np", weights, patches)):
        raise DcscError("a small dictionary does not compute what it is defined to: install anew")
    reason = plain_because()
    way = "with loops that numba compiles" if reason is None else f"in numpy, slower: {reason}"
    return f"Computes rightly, {way}; the first call took {seconds:.1f} s"
