"""Reading a sparse autoencoder from the files of the library that trained it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dcsc._arguments import any_path, choice
from dcsc._words import listed
from dcsc.errors import DcscError
from dcsc.networks.autoencoders.autoencoder import Autoencoder
from dcsc.networks.autoencoders.contents import Contents, read_contents, weights_file
from dcsc.networks.autoencoders.formats import FORMATS, AutoencoderFormat

__all__ = ["holds_autoencoder", "load_autoencoder"]


def load_autoencoder(
    path: str | os.PathLike[str],
    config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    library: str | None = None,
) -> Autoencoder:
    """Return the sparse autoencoder, or transcoder, in a folder or a file of weights.

    Read are the files of SAELens, dictionary_learning, sparsify and Gemma Scope, see
    `dcsc.networks.autoencoders.FORMATS`. What tells them apart are the names of the tensors, and
    the configuration that lies beside. Nothing in a file is executed. What was assumed, folded or
    left out stands in ``notes`` of the result.

    Parameters
    ----------
    path : path-like
        The folder that the library wrote, or the file of weights in it.
    config : mapping or path-like, optional
        What the library's configuration says, or its JSON file, in place of the one beside the
        weights.
    library : str, optional
        Whose format it is, where files could be of two.

    Raises
    ------
    DcscError
        If files are missing or broken, if they are of no known format, if they could be two things,
        or if the configuration asks for what dcsc does not know.
    """
    name = None
    if library is not None:
        labels = [known.label for known in FORMATS]
        name = choice(library, labels, "load_autoencoder: library")
    file = weights_file(path, _weights())
    if file is None:
        raise DcscError(
            "load_autoencoder: path: expected a folder with a file of weights, "
            f"{listed(_weights())} for example, got {Path(path).name}"
        )
    beside = config if config is None or isinstance(config, Mapping) else str(config)
    contents = read_contents(file, _configurations(), beside)
    chosen = [one for one in FORMATS if name in (None, one.label)]
    return _only(chosen, contents).read(contents)


def holds_autoencoder(path: str | os.PathLike[str]) -> bool:
    """Return whether the names of the tensors in a file or folder are those of an autoencoder.

    A file that cannot be read is none, for `networks.load` says what is wrong with it; a folder is
    one by the names of its files then.
    """
    place = any_path(path, "holds_autoencoder: path")
    try:
        file = weights_file(place, _weights())
        if file is None:
            return False
        contents = read_contents(file, _configurations(), None)
    except DcscError:
        return any((place / name).is_file() for name in _weights())
    return any(one.fits(contents) for one in FORMATS)


def _only(formats: list[AutoencoderFormat], contents: Contents) -> AutoencoderFormat:
    """Return the one format that fits."""
    fitting = [one for one in formats if one.fits(contents)]
    if len(fitting) == 1:
        return fitting[0]
    where = f"load_autoencoder: {contents.path.name}"
    if fitting:
        labels = " or ".join(one.label for one in fitting)
        raise DcscError(f"{where}: could be of {labels}: say which by library=")
    raise DcscError(
        f"{where}: expected the tensors of {' or '.join(one.label for one in formats)}, got "
        f"{listed(contents.tensors)}"
    )


def _weights() -> list[str]:
    return [name for one in FORMATS for name in one.weights]


def _configurations() -> list[str]:
    return list(dict.fromkeys(name for one in FORMATS for name in one.configurations))
