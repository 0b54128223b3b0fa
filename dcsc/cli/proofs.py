"""``dcsc explain`` and ``dcsc verify``."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dcsc._files import check_files, write_files
from dcsc.bounds import Verification
from dcsc.bounds import explain as explain_layers
from dcsc.bounds import verify as verify_certificate
from dcsc.bounds.certificates.inputs import Inputs
from dcsc.cli.common import Force, Out, say
from dcsc.cli.idle import refuse_idle
from dcsc.experiments.studies.example import example_layers
from dcsc.plotting import as_png, explanation

__all__ = ["explain", "verify"]

_EVIDENCE = ("--evidence", "--model")  # the second is what it was called before


def explain(
    *,
    evidence: Annotated[
        Path | None,
        Parameter(
            name=_EVIDENCE,
            help="The evidence of a certificate, an .npz; by default a small example.",
        ),
    ] = None,
    codes: Annotated[
        Path | None, Parameter(help="Another .npz, with arrays that EVIDENCE leaves out.")
    ] = None,
    delta: Annotated[float, Parameter(help="Failure probability asked for.")] = 0.01,
    out: Out = Path(),
    force: Force = False,
) -> None:
    """Explain why guarantees hold or not, layer by layer, and what would have to change.

    Prints the explanation and writes explain.png.

    For example:

        dcsc explain
        dcsc explain --evidence model.npz --codes codes.npz --delta 0.001
    """
    if evidence is None:
        refuse_idle({"--codes": codes}, "--evidence that leaves them out, got none")
    check_files([out / "explain.png"], "--out", force)
    files = [path for path in (evidence, codes) if path is not None]
    why = explain_layers(
        Inputs.load(files).layers if files else example_layers(), failure_probability=delta
    )
    write_files(out, {"explain.png": as_png(explanation(why))}, "--out", force)
    say(why)
    say(f"Wrote {out / 'explain.png'}.")


def verify(
    certificate: Annotated[Path, Parameter(name="FILE", help="The certificate, a .json.")],
    /,
    *,
    evidence: Annotated[
        Path,
        Parameter(name=_EVIDENCE, help="What it was computed from, the .npz published with it."),
    ],
    codes: Annotated[
        Path | None,
        Parameter(help="Another .npz, with arrays that EVIDENCE leaves out, such as the codes."),
    ] = None,
    rounding: Annotated[
        float,
        Parameter(help="Relative difference of computed numbers that counts as rounding."),
    ] = 0.0,
) -> None:
    """Compute a certificate again from its evidence, and say whether it is true.

    Prints one line: true (exit code 0), and whether it guarantees nothing all the same; or false
    (exit code 1), and the first thing that differs. Files that cannot be used are exit code 2.

    For example:

        dcsc verify certificate.json --evidence model.npz
    """
    verification = verify_certificate(certificate, evidence, codes, rounding)
    say(
        _verdict(verification)
        if verification.holds
        else f"{verification.verdict}: {verification.difference}"
    )
    sys.exit(0 if verification.holds else 1)


def _verdict(verification: Verification) -> str:
    certificate = verification.certificate
    line = f"{verification.verdict}: {certificate.claim} by {certificate.bound['class']}"
    declared = "; the constants are declared: filters and codes were not looked at"
    return line + (declared if certificate.declared else "")
