"""The import graph: no circles but the doors that the architecture names, nothing upwards."""

import ast
from pathlib import Path

import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import dcsc

ROOT = Path(dcsc.__file__).parents[1]  # the checkout, or where a wheel was installed
PACKAGE = sorted((ROOT / "dcsc").rglob("*.py"))
# Default leaves that an abstract class or a model hands out, and what describes records: text
# or a page.
DOORS = {
    ("dcsc.dictionaries.base", "dcsc.dictionaries.diagonal"),
    ("dcsc.model", "dcsc.torch.models"),
    ("dcsc.networks.analysis.records", "dcsc.report.networks"),
    ("dcsc.networks.autoencoders.analysis.analysis", "dcsc.report.autoencoders"),
    ("dcsc.networks.network", "dcsc.networks.pytorch.module"),
    ("dcsc.bounds.explanations.text", "dcsc.bounds.explanations.records"),
    ("dcsc.experiments.sweeps.replay", "dcsc.experiments.sweeps.text"),
}

# From below: nothing imports what comes later.
ORDER = (
    *(
        "_starting",
        "errors",
        "_version",
        "_words",
        "_faces",
        "_colours",
        "_diagram",
        "_display",
        "_tables",
    ),
    *(
        "_forks",
        "_cached",
        "_threads",
        "_tensors",
        "_arrays",
        "_arguments",
        "_entries",
        "_fields",
        "_files",
    ),
    *("_outside", "_archives", "_media", "_sharing"),
    *(
        "intervals",
        "_numerics",
        "dictionaries",
        "signs",
        "projections",
        "codes",
        "coefficients",
        "pathway",
        "layer",
        "pursuits",
    ),
    *("overlap", "model", "torch", "bounds", "experiments", "networks", "testing", "plotting"),
    *("report", "cli", "__main__"),
)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PACKAGE}


def imports(path):
    """All modules of dcsc that a file imports, in functions and for annotations too.

    A name from a package's face stands for the module that it comes from; faces are no rooms.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dcsc":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield home(inner if inner in MODULES else node.module, alias.name)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "dcsc")


def home(module, name):
    """The module that a name of a package's face is defined in."""
    path = MODULES.get(module)
    if path is None or path.name != "__init__.py":
        return module
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and any(
            (a.asname or a.name) == name for a in node.names
        ):
            inner = f"{node.module}.{name}"
            return inner if inner in MODULES else home(node.module, name)
    return module


GRAPH = {
    name: {found for found in imports(path) if found in MODULES and found != name}
    for name, path in MODULES.items()
    if path.name != "__init__.py"
}


def circles(graph):
    names = sorted(graph)
    place = {name: at for at, name in enumerate(names)}
    edges = [(place[a], place[b]) for a in names for b in graph[a] if b in place]
    rows, columns = zip(*edges, strict=True)
    matrix = coo_array(([1] * len(edges), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    groups = [
        [n for n, label in zip(names, labels, strict=True) if label == k] for k in set(labels)
    ]
    return [group for group in groups if len(group) > 1]


def test_there_are_no_circles_but_the_doors():
    graph = {a: {b for b in found if (a, b) not in DOORS} for a, found in GRAPH.items()}
    assert circles(graph) == []


def test_every_door_closes_a_circle():
    for door in DOORS:
        graph = {
            a: {b for b in found if (a, b) not in DOORS - {door}} for a, found in GRAPH.items()
        }
        assert circles(graph), door


def test_nothing_runs_upwards():
    place = {room: at for at, room in enumerate(ORDER)}
    upwards = [
        (a, b)
        for a, found in GRAPH.items()
        for b in found
        if b.split(".")[1:] and place[a.split(".")[1]] < place[b.split(".")[1]]
    ]
    assert set(upwards) <= DOORS


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_no_module_is_long(path):
    assert path.read_text().count("\n") <= 400


def test_no_abstract_class_is_long():
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "abstractmethod" in ast.unparse(node):
                assert node.end_lineno - node.lineno < 200, (name_of(path), node.name)
