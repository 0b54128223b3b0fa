"""The checks of this project, each in an environment of its own."""

import datetime
import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

PROJECT: dict[str, Any] = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST = PYTHONS[0]
DIST = Path("dist").resolve()


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the newest versions; arguments after `--` go to pytest.

    PyTorch is large, so that one Python has it, and what runs notebooks.
    """
    session.install(".[notebooks,test-torch]" if session.python == OLDEST else ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml declares."""
    constraints = Path(session.create_tmp(), "lowest.txt")
    constraints.write_text("\n".join(bounds()))
    session.install("--constraint", str(constraints.resolve()), ".[test-torch]")
    # Old packages use what newer ones beneath them are about to drop.
    quiet = ("-W", "ignore::DeprecationWarning")
    session.run("python", "-m", "pytest", *quiet, *session.posargs)


def bounds() -> Iterator[str]:
    """Yield each lower bound as the one version that it allows."""
    project = PROJECT["project"]
    for texts in (project["dependencies"], *project["optional-dependencies"].values()):
        for requirement in map(Requirement, texts):
            for part in requirement.specifier:
                if part.operator == ">=":
                    yield f"{requirement.name}=={part.version}"


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, and those of the examples as a user's."""
    session.install(".[dev]")
    session.run("mypy")
    session.chdir("examples")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build/html")
    session.run("python", ".ci/links.py", "docs/_build/html")


@nox.session
def extend(session: nox.Session) -> None:
    """Test the package that extends dcsc, installed beside it, and check its types."""
    session.install(".", "mypy~=2.4")
    session.install("./examples/extend[test]")
    session.chdir("examples/extend")  # where dcsc is the one that was installed
    session.run("pytest")
    session.run("mypy")


@nox.session
def release(session: nox.Session) -> None:
    """Build wheel and sdist twice, compare them, check them, and test the wheel on every Python.

    The files stay in `dist`.
    """
    for python in PYTHONS:  # elsewhere nox leaves out what a machine does not have
        session.run(f"python{python}", "--version", external=True)
    session.install("build", "twine")
    env = {"SOURCE_DATE_EPOCH": _date_of_release(session)}
    folders = [Path(session.create_tmp(), name) for name in ("first", "second")]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        session.run("python", "-m", "build", "--outdir", str(folder), env=env)
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in folders
    )
    if len(first) != 2 or first != second:
        session.error(f"two builds differ: {first} and {second}")
    shutil.rmtree(DIST, ignore_errors=True)
    shutil.copytree(folders[0], DIST)
    for name, digest in sorted(first.items()):
        session.log(f"{digest}  {name}")
    session.run("twine", "check", "--strict", *map(str, sorted(DIST.iterdir())))
    for python in PYTHONS:
        session.notify(f"wheel-{python}")


def _date_of_release(session: nox.Session) -> str:
    """Return the date of the newest version in the changelog, in seconds: files bear no other."""
    released = re.search(
        r"^## \[\d.+\] - ([\d-]+)$", Path("CHANGELOG.md").read_text(), re.MULTILINE
    )
    if released is None:
        session.error("CHANGELOG.md: no version has a date")
    midnight = datetime.datetime.fromisoformat(released[1]).replace(tzinfo=datetime.UTC)
    return str(int(midnight.timestamp()))


@nox.session(python=PYTHONS, default=False)
def wheel(session: nox.Session) -> None:
    """Run a core of the tests against the wheel in `dist`: those of the sdist, without its code."""
    (built,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    session.install(f"{built}[test]")
    folder = Path(session.create_tmp(), "tests")
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (tests,) = folder.iterdir()
    shutil.rmtree(tests / "dcsc")
    core = Path(tests, ".ci", "core.txt").read_text().split()
    session.chdir(tests)
    session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or core))
