"""One line per set of inputs: every law is tested on what the line makes.

A line is given a folder, and returns the set, its images and the class of each, if it has one.
"""

import numpy as np
from PIL import Image

from dcsc.networks.tallies import ArraySet, FileSet, FolderSet, open_inputs
from tests.networks.chains import convolve, network

NETWORK = network(convolve(3, 1, (3, 3), -0.1), channels=1, lengths=(4, 5))
IMAGES = np.random.default_rng(0).integers(0, 256, (11, 1, 4, 5)) / 255
LABELS = np.arange(11) % 3


def picture(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(255 * image[0]).astype(np.uint8)).save(path)


def in_file(folder, images=IMAGES):
    np.save(folder / "images.npy", images)
    return open_inputs(NETWORK, folder / "images.npy")


def labelled_file(folder):
    np.save(folder / "images.npy", IMAGES.astype(np.float32))
    return open_inputs(NETWORK, folder / "images.npy", LABELS)


def alone(folder):
    np.save(folder / "one.npy", IMAGES[0])
    return open_inputs(NETWORK, folder / "one.npy")


def archive(folder):
    np.savez(folder / "images.npz", images=IMAGES, labels=LABELS)
    return open_inputs(NETWORK, folder / "images.npz")


def pictures(folder):
    for number, image in enumerate(IMAGES):
        picture(folder / "all" / f"{number:02}.png", image)
    (folder / "all" / "notes.txt").write_text("no input")
    (folder / "all" / ".hidden.png").write_text("no input")
    return open_inputs(NETWORK, folder / "all")


def shards(folder):
    """Arrays of one, of several and of no batch, in the order of their names."""
    for name, part in {"a": IMAGES[:4], "b": IMAGES[4], "c": IMAGES[5:6], "d": IMAGES[6:]}.items():
        (folder / "all").mkdir(exist_ok=True)
        np.save(folder / "all" / f"{name}.npy", part)
    return open_inputs(NETWORK, folder / "all")


def in_classes(folder):
    for number, image in enumerate(IMAGES):
        name = f"{'cat' if number < 5 else 'dog'}/deeper/{number:02}.png"
        picture(folder / "all" / name, image)
    return open_inputs(NETWORK, folder / "all")


WORDS = np.array(["cat"] * 5 + ["dog"] * 6)
SETS = {
    "memory": (ArraySet, lambda folder: (ArraySet({"input": IMAGES}), IMAGES, None)),
    "labelled": (ArraySet, lambda folder: (ArraySet({"input": IMAGES}, LABELS), IMAGES, LABELS)),
    "archive": (ArraySet, lambda folder: (archive(folder), IMAGES, LABELS)),
    "file": (FileSet, lambda folder: (in_file(folder), IMAGES, None)),
    "narrow": (FileSet, lambda folder: (labelled_file(folder), np.float32(IMAGES), LABELS)),
    "fortran": (FileSet, lambda folder: (in_file(folder, np.asfortranarray(IMAGES)), IMAGES, None)),
    "alone": (FileSet, lambda folder: (alone(folder), IMAGES[:1], None)),
    "pictures": (FolderSet, lambda folder: (pictures(folder), IMAGES, None)),
    "shards": (FolderSet, lambda folder: (shards(folder), IMAGES, None)),
    "classes": (FolderSet, lambda folder: (in_classes(folder), IMAGES, WORDS)),
}
