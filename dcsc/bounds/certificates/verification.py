"""Checking a certificate: it is computed again from its evidence, and compared."""

from pathlib import Path
from typing import Any

import attrs

from dcsc._arrays import real
from dcsc._version import __version__
from dcsc.bounds.certificates.certificate import Certificate, plain
from dcsc.bounds.certificates.inputs import Inputs, shown
from dcsc.errors import DcscError

__all__ = ["Verification", "verify"]

_MOST_BYTES = 2**24
_GIVEN = ("bound", "given")  # what is compared to the last digit, whatever rounding is allowed


@attrs.frozen
class Verification:
    """Whether a certificate says what its evidence gives.

    Parameters
    ----------
    certificate : Certificate
        As it was read.
    difference : str, default ""
        The first thing that differs; empty if nothing does.
    """

    certificate: Certificate
    difference: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.difference


def verify(
    certificate: str | Path,
    model: str | Path,
    codes: str | Path | None = None,
    rounding: float = 0.0,
) -> Verification:
    """Compute a certificate anew from its evidence, and compare.

    Nothing in the certificate is taken for granted: its digest is computed again, and so is every
    number, hypothesis and hash, from the evidence alone.

    Parameters
    ----------
    certificate, model : path
        The two files that `Certificate.write` writes, the document and its evidence.
    codes : path, optional
        Another .npz, with the arrays that the evidence leaves out.
    rounding : float, default 0
        Largest relative difference between computed numbers that still counts as rounding.
        Another processor may round the last digits of sums otherwise.

    Raises
    ------
    DcscError
        If a file cannot be used, or the certificate was made by another version of dcsc.
    """
    allowed = real(rounding, "verify: rounding", minimum=0, maximum=1)
    text = _read_text(Path(certificate))
    claim, digest = Certificate.parse(text, str(certificate))
    if digest != claim.digest:
        return Verification(claim, "digest: it is not that of the text, which was changed")
    if text != claim.text:
        return Verification(claim, "the text is not as dcsc writes it")
    if claim.version != __version__:
        raise DcscError(
            f"{certificate}: version: made by dcsc {shown(claim.version)}, and this is dcsc "
            f"{__version__}, which may compute otherwise: verify it with that version"
        )
    inputs = Inputs.load([Path(model)] if codes is None else [Path(model), Path(codes)])
    try:
        result = Certificate.of(inputs.evaluate())
    except (ArithmeticError, MemoryError) as error:
        raise DcscError(f"{model}: expected a model that can be computed: {error!r}") from None
    return Verification(claim, _difference(_parts(claim), _parts(result), "", allowed) or "")


def _parts(certificate: Certificate) -> dict[str, Any]:
    """Return what is compared: what went in, then what came out."""
    tree = plain(certificate)
    arrays, layers = tree.pop("arrays"), tree.pop("layers")
    return {
        "bound": tree.pop("bound"),
        "number of arrays": len(arrays),
        **{f"array {array['name']}": array for array in arrays},
        "number of layers": len(layers),
        **{f"layer {number}": layer for number, layer in enumerate(layers, start=1)},
        **tree,
    }


def _difference(claim: Any, result: Any, where: str, rounding: float) -> str | None:
    """Return where two documents first differ, and how, or None."""
    if isinstance(claim, dict) and isinstance(result, dict):
        for key in claim | result:
            place = f"{where}: {key}" if where else key
            if key not in claim or key not in result:
                return f"{place}: only in the {'certificate' if key in claim else 'model'}"
            allowed = 0.0 if key in _GIVEN else rounding
            if difference := _difference(claim[key], result[key], place, allowed):
                return difference
        return None
    if isinstance(claim, list) and isinstance(result, list) and len(claim) == len(result):
        for at, (one, other) in enumerate(zip(claim, result, strict=True)):
            if difference := _difference(one, other, f"{where}[{at}]", rounding):
                return difference
        return None
    if type(claim) is type(result) and claim == result:
        return None
    difference = f"{where}: the certificate says {shown(claim)}, the model gives {shown(result)}"
    if not isinstance(claim, float) or not isinstance(result, float):
        return difference
    gap = abs(claim - result) / max(abs(claim), abs(result))
    return None if gap <= rounding else f"{difference}, a relative difference of {gap:.1g}"


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DcscError(f"{path}: expected a certificate of at most {_MOST_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DcscError(f"{path}: expected a certificate, could not read it: {reason}") from None
