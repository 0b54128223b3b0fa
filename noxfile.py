"""The checks of this project, each in an environment of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

PROJECT: dict[str, Any] = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST = PYTHONS[0]


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
    """Check the types."""
    session.install(".[dev]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build/html")
