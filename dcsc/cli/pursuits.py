"""A pursuit as an option of a command."""

import tomllib
from pathlib import Path

from dcsc._outside import check_depth, outside
from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.experiments.sweeps.strict import CodeError, mistakes
from dcsc.pursuits import PathwayPursuit, Pursuit

__all__ = ["read_pursuit"]


def read_pursuit(text: str, where: str) -> Pursuit | PathwayPursuit:
    """Return the pursuit of a name, or of a table in TOML, as a sweep file has them."""
    value = text
    if "{" in text:
        with outside(f"{where}: expected a name or a table in TOML, got {quoted(text)}"):
            value = tomllib.loads(f"pursuit = {text}")["pursuit"]
        check_depth(value, where)
    strategies = Strategies(Path())
    try:
        strategy = strategies.read("pursuit", value)
        built: Pursuit | PathwayPursuit = strategies.build("pursuit", strategy, seed=0)
    except (TypeError, ValueError, ExceptionGroup) as error:
        # Code of the user's own is for sweeps.
        texts = list(mistakes(error, "", (CodeError,)))
        wrong = "; ".join(texts) or f"expected a pursuit of dcsc's, got {quoted(text)}"
        raise DcscError(f"{where}: {wrong}") from None
    return built
