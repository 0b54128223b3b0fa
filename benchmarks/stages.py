"""Where `dcsc analyze` spends its processor time: the share of each stage.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/stages.py NETWORK --input TWO.npy

The arguments are those of the command, and none for the network that comes with dcsc. A stage is a
function of the package; its time is that between its beginning and its end, of all threads of the
process, without the stages that run inside it. What no stage holds is the rest. A first run, which
compiles, counts the compiler among the compiled loops.
"""

import functools
import importlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

STAGES = {
    "reading of the file": ["dcsc.cli.analyze:load"],
    "forward pass": ["dcsc.networks.analysis.analysis:_forward"],
    "codes": [
        "dcsc.networks.analysis.analysis:coded_layer",
        "dcsc.networks.analysis.analysis:code_facts",
    ],
    "filters: coherence and Babel functions": ["dcsc.networks.analysis.analysis:filter_facts"],
    "theorems of classes of codes": ["dcsc.networks.analysis.codes:_of_class"],
    "hybrid theorem": ["dcsc.networks.analysis.codes:_hybrid"],
    "sums that units see": ["dcsc.networks.analysis.seen:Seen._problem"],
    "Chernoff's union over all units": ["dcsc.networks.analysis.seen:Seen._chernoff"],
    "ends of each unit's probability": ["dcsc.networks.analysis.analysis:partial_facts"],
    "safe units": ["dcsc.networks.analysis.analysis:safety"],
    "pathways synthesised again": ["dcsc.networks.analysis.analysis:_resynthesis"],
    "own signs among draws": ["dcsc.networks.analysis.analysis:wrong_under_draws"],
    "page": ["dcsc.cli.analyze:page"],
    "JSON and table": ["dcsc.cli.analyze:as_json", "dcsc.cli.analyze:print_layers"],
    "loading of compiled loops": [
        "dcsc._numerics.ways:_leaf",
        "numba.core.dispatcher:Dispatcher.compile",
    ],
}


class Clock:
    """Processor time by stage, that of a stage inside another taken off the latter."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._stage, self._since = "the rest", 0.0

    def enter(self, stage: str) -> str:
        """Begin a stage, and return the one that it interrupts."""
        now, before = time.process_time(), self._stage
        self.spent[before] += now - self._since
        self._stage, self._since = stage, now
        return before

    def timed(self, stage, function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            before = self.enter(stage)
            try:
                result = function(*args, **kwargs)
                # a generator works only when it is asked
                return iter(list(result)) if hasattr(result, "send") else result
            finally:
                self.enter(before)

        return run


def wrap(clock, stage, target):
    """Replace a function, named ``module:name`` or ``module:class.name``, by one that is timed."""
    module, _, path = target.partition(":")
    *outer, name = path.split(".")
    owner = functools.reduce(getattr, outer, importlib.import_module(module))
    setattr(owner, name, clock.timed(stage, getattr(owner, name)))


def main():
    clock = Clock()
    clock.enter("imports")
    cli = importlib.import_module("dcsc.cli")
    importlib.import_module("dcsc.cli.analyze")
    clock.enter("loading of compiled loops")
    for stage, targets in STAGES.items():
        for target in targets:
            wrap(clock, stage, target)
    clock.enter("the rest")
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = ["analyze", *sys.argv[1:], "--html", str(Path(folder, "page.html"))]
        try:
            cli.main()
        except SystemExit as ended:
            if ended.code:
                raise
    clock.enter("the rest")
    total = sum(clock.spent.values())
    print(f"\n{total:.2f} s of processor time")
    for stage, seconds in clock.spent.most_common():
        print(f"{100 * seconds / total:5.1f}%  {seconds:6.2f} s  {stage}")


if __name__ == "__main__":
    main()
