"""Sets of inputs: a part of them is what it is of the whole, wherever they lie."""

import os
import pickle

import numpy as np
import pytest

from dcsc import DcscError
from dcsc.networks.tallies import ArraySet, open_inputs
from dcsc.networks.tallies.sets.folder import described
from dcsc.networks.tallies.settings import digest
from tests.networks.chains import convolve, network
from tests.networks.sets import (
    IMAGES,
    LABELS,
    NETWORK,
    SETS,
    alone,
    in_classes,
    picture,
    pictures,
    shards,
)


@pytest.fixture(params=SETS)
def made(request, tmp_path):
    return SETS[request.param][1](tmp_path)


def read(data):
    found = data.read(NETWORK)
    return found.values["input"], found.labels


def test_a_set_reads_what_it_was_made_of(made):
    data, images, labels = made
    values, classes = read(data)
    assert values.shape == images.shape
    np.testing.assert_allclose(values, images, rtol=0, atol=1e-15)
    assert (labels is None) == (classes is None)
    assert labels is None or np.array_equal(classes, labels)
    assert data.count == len(images)
    assert data.classes == (0 if labels is None else len(np.unique(labels)))


def test_parts_are_those_of_the_whole(made):
    data, _, _ = made
    values, classes = read(data)
    for start in range(data.count):
        for stop in range(start + 1, data.count + 1):
            part = data.part(start, stop)
            assert type(part) is type(data)
            assert part.count == stop - start
            if (start + stop) % 3:  # some are enough
                continue
            found, labels = read(part)
            assert np.array_equal(found, values[start:stop])
            assert classes is None or np.array_equal(labels, classes[start:stop])
            inner, _ = read(part.part(part.count // 2, part.count))
            assert np.array_equal(inner, values[start + part.count // 2 : stop])


def test_another_process_reads_the_same(made):
    data, _, _ = made
    part = data.part(data.count // 2, data.count)
    again = pickle.loads(pickle.dumps(part))
    assert np.array_equal(read(again)[0], read(part)[0])
    assert digest(again.stamp()) == digest(part.stamp())


def test_stamps_tell_inputs_apart(made):
    data, _, _ = made
    if data.count > 1:
        assert digest(data.part(0, 1).stamp()) != digest(data.part(1, 2).stamp())


@pytest.mark.parametrize("make", [pictures, shards, alone])
def test_of_a_file_that_has_changed_nothing_is_read(make, tmp_path):
    data = make(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".png", ".npy")]
    status = files[0].stat()
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    with pytest.raises(DcscError, match=f"{files[0].name} has changed since it was looked at"):
        data.read(NETWORK)
    again = open_inputs(NETWORK, data.folder if hasattr(data, "folder") else data.path)
    assert digest(again.stamp()) != digest(data.stamp())


def test_a_part_of_a_folder_knows_its_own_files_only(tmp_path):
    part = pictures(tmp_path).part(3, 5)
    assert part.files == ("03.png", "04.png")
    assert len(pickle.dumps(part)) < 3000


def test_classes_with_numbers_are_numbers(tmp_path):
    for number in (10, 9):
        picture(tmp_path / str(number) / "a.png", IMAGES[0])
    assert open_inputs(NETWORK, tmp_path).labels.tolist() == [10, 9]
    picture(tmp_path / "007" / "a.png", IMAGES[0])
    assert open_inputs(NETWORK, tmp_path).labels.tolist() == ["007", "10", "9"]


def test_what_is_no_input_is_said(tmp_path):
    data = pictures(tmp_path)
    assert data.left_out == ("notes.txt",)
    assert described(data.left_out) == "Left out, as neither picture nor sound nor array: 1 .txt."
    assert described(()) == ""


def test_labels_come_from_a_file(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "classes.npy", LABELS)
    data = open_inputs(NETWORK, tmp_path / "images.npy", tmp_path / "classes.npy")
    assert np.array_equal(data.part(2, 7).read(NETWORK).labels, LABELS[2:7])


def empty(folder):
    (folder / "notes.txt").write_text("no input")
    return open_inputs(NETWORK, folder)


def both(folder):
    picture(folder / "a.png", IMAGES[0])
    picture(folder / "cat" / "b.png", IMAGES[0])
    return open_inputs(NETWORK, folder)


def of_another_shape(folder):
    np.save(folder / "a.npy", np.zeros((3, 1, 4, 6)))
    return open_inputs(NETWORK, folder / "a.npy")


def no_inputs(folder):
    np.save(folder / "a.npy", np.zeros((0, 1, 4, 5)))
    return open_inputs(NETWORK, folder)


def labels_beside_a_folder(folder):
    in_classes(folder)
    return open_inputs(NETWORK, folder / "all", LABELS)


def few_labels(folder):
    np.save(folder / "images.npy", IMAGES)
    return open_inputs(NETWORK, folder / "images.npy", LABELS[:4])


def an_array_that_shrank(folder):
    np.save(folder / "a.npy", IMAGES)
    data = open_inputs(NETWORK, folder / "a.npy")
    np.save(folder / "a.npy", IMAGES[:4])
    return data.part(5, 6).read(NETWORK)


def a_broken_picture(folder):
    (folder / "a.png").write_bytes(b"no picture")
    return open_inputs(NETWORK, folder).read(NETWORK)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (empty, "expected pictures, sounds or .npy files in .*, got notes.txt"),
        (both, "expected a folder of files, or of one folder for each class, got both: 'a.png'"),
        (of_another_shape, r"a.npy: expected shape \(any, 1, 4, 5\), got \(3, 1, 4, 6\)"),
        (no_inputs, "a.npy: expected inputs, got none"),
        (labels_beside_a_folder, "labels: expected none beside a folder"),
        (few_labels, r"one for each of 11 inputs, got int64 of shape \(4,\)"),
        (an_array_that_shrank, "a.npy has changed since"),
        (a_broken_picture, "expected a picture.*a.png"),
        (lambda folder: open_inputs(NETWORK, folder / "none"), "expected a file, got .*none"),
        (lambda folder: pictures(folder).part(3, 12), "stop: expected at most 11, got 12"),
        (lambda folder: ArraySet({"input": 3.0}), "arrays with batches of one length"),
        (lambda folder: ArraySet({"input": IMAGES}, LABELS + 0.5), "whole numbers or words"),
        (lambda folder: ArraySet({"input": IMAGES}, [[1], [1, 2]]), r"got \[\[1\], \[1, 2\]\]"),
        (lambda folder: ArraySet({"input": [[1], [1, 2]]}), "input: expected an array of real"),
    ],
)
def test_what_does_not_fit_is_refused(make, expected, tmp_path):
    with pytest.raises(DcscError, match=expected):
        make(tmp_path)


def test_pictures_of_different_sizes_are_refused_by_name(tmp_path):
    free = network(convolve(3, 1, (3, 3), -0.1), channels=1, lengths=(None, None))
    picture(tmp_path / "a.png", IMAGES[0])
    picture(tmp_path / "b.png", IMAGES[0][:, :, :4])
    data = open_inputs(free, tmp_path)
    with pytest.raises(DcscError, match=r"one shape, got \(1, 4, 5\) in 'a.png' and .* in 'b.png'"):
        data.read(free)
