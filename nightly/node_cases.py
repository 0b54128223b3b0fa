r"""ONNX' own cases of its operators: dcsc runs them, or says why not.

::

    python -m nightly.node_cases

Each case is a model of one operator, or of the function that defines it, with inputs and the
outputs that are right. A case is run if all its outputs come out; it is wrong if one of them is
another within the tolerances of the case, or within half precision where that is what it holds. The
operators of the cases that are not run are printed with the reasons; if one is wrong, the exit code
is 1.
"""

import argparse
import collections
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

from dcsc import DcscError, networks

_HALF = 4e-3  # what is computed with as float32 has more digits than what a case holds


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a part of the names of cases")
    given = parser.parse_args()
    begin = time.monotonic()
    counts: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    cases = [case for case in collect_testcases(None) if given.only in case.name]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            outcome, why = _outcome(case, Path(folder))
            counts[outcome] += 1
            if outcome == "wrong":
                print(f"wrong: {case.name}: {why}")
            elif outcome != "run":
                reasons[why] += 1
    for why, count in reasons.most_common():
        print(f"{count:5} {why}")
    print(
        f"{len(cases)} cases of onnx {onnx.__version__}: {counts['run']} run, {counts['wrong']} of "
        f"them wrong, {counts['stop']} stops, {counts['refused']} refused, "
        f"{time.monotonic() - begin:.0f} s"
    )
    return 1 if counts["wrong"] else 0


def _outcome(case: Any, folder: Path) -> tuple[str, str]:
    """Return what became of a case, and why."""
    path = folder / "case.onnx"
    path.write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    outputs = [output.name for output in graph.output]
    try:
        network = networks.load(path)
        for inputs, expected in case.data_sets:
            known = zip([one.name for one in graph.input], map(_array, inputs), strict=False)
            given = {name: value for name, value in known if name in _names(network)}
            values = network.forward(given)
            if values.stops:
                stop = values.stops[0]
                return "stop", re.sub(r"'[^']*'", "'…'", f"{stop.operation}: {stop.reason}")
            for name, right in zip(outputs, map(_array, expected), strict=True):
                if not _same(values[name], right, case):
                    return "wrong", f"{name} is {values[name]}, expected {right}"
    except DcscError as error:
        text = str(error).partition(": ")[2].rpartition(": ")[2]
        return "refused", re.sub(r" at \(.*|'[^']*'", "", text)
    return "run", ""


def _names(network: networks.ConvNetwork) -> set[str]:
    return {needed.name for needed in network.inputs}


def _array(value: Any) -> Any:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _same(found: Any, expected: Any, case: Any) -> bool:
    right = np.asarray(expected)
    half = right.dtype.kind not in "biu" and right.dtype.itemsize == 2
    if right.dtype.kind not in "biuf":
        right = right.astype(np.float32)
    relative, absolute = (max(t, half * _HALF) for t in (case.rtol, case.atol))
    return found.shape == right.shape and np.allclose(
        found, right, rtol=relative, atol=absolute, equal_nan=True
    )


if __name__ == "__main__":
    sys.exit(main())
