"""Mutants by their numbers."""

import random
from pathlib import Path

import attrs

from nightly.mutants.formats import FORMATS, Format
from nightly.mutants.sounds import Sound

__all__ = ["Mutants"]


@attrs.frozen
class Mutants:
    """Mutants of one seed.

    A number stands for one: it says the format, and with the seed the sound file and the change.

    Parameters
    ----------
    seed : int
    folder : Path
        In which every format has a folder of its own.
    """

    seed: int
    folder: Path
    _sounds: dict[str, list[Sound]] = attrs.field(factory=dict)

    def format(self, number: int) -> Format:
        """Return the format of a mutant."""
        return FORMATS[number % len(FORMATS)]

    def place(self, kind: Format) -> Path:
        """Return the folder of a format."""
        return self.folder / kind.name

    def sounds(self, kind: Format) -> list[Sound]:
        """Return the sound files of a format, made once."""
        if kind.name not in self._sounds:
            self.place(kind).mkdir()
            self._sounds[kind.name] = list(kind.sound(self.place(kind)))
        return self._sounds[kind.name]

    def write(self, number: int) -> Path:
        """Write a mutant with what lies beside it, and return its path."""
        kind, rng = self.format(number), random.Random(f"{self.seed} {number}")
        sound = rng.choice(self.sounds(kind))
        return self.put(kind, sound, kind.mutation(sound.content, rng))

    def put(self, kind: Format, sound: Sound, content: bytes) -> Path:
        """Write contents, and what lies beside a sound file, where the readers want them."""
        for name, other in sound.beside.items():
            (self.place(kind) / name).write_bytes(other)
        return kind.put(self.place(kind), kind.name, content)
