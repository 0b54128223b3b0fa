"""Pictures and sounds against files written by hand, and files that lie."""

import contextlib
import io
import struct
import tracemalloc
import wave
import zlib

import numpy as np
import pytest
import scipy.io.wavfile
from PIL import EpsImagePlugin, Image

from dcsc import DcscError
from dcsc._media import loudest, read_array, read_picture, read_sound
from dcsc.experiments.studies.inputs import read_input
from dcsc.networks import ConvNetwork, Graph, Input, Node, operations
from dcsc.networks.analysis import read_inputs

WEIGHTS = np.array([299, 587, 114]) / 1000  # luminance of red, green and blue, ITU-R BT.601
RAMP = np.arange(64).reshape(8, 8)
COLOURS = np.stack([RAMP * 4, 255 - RAMP * 3, RAMP[::-1] * 2], axis=-1).astype(np.uint8)


def png(path, pixels, kind, chunks=()):
    """Write a PNG by its definition: 0 is grey, 2 colours, 3 a palette, 4 and 6 have alpha."""

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    lines = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">")))
    head = (pixels.shape[1], pixels.shape[0], 8 * pixels.itemsize, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *head))
        + b"".join(chunk(name, content) for name, content in chunks)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line.tobytes() for line in lines)))
        + chunk(b"IEND", b"")
    )
    return path


def tiff(path, pixels):
    """Write a grey TIFF of one strip by its definition."""
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    content = pixels.tobytes()
    tags = {
        256: pixels.shape[1], 257: pixels.shape[0], 258: 8 * pixels.itemsize, 259: 1, 262: 1,
        273: 8, 277: 1, 278: pixels.shape[0], 279: len(content), 339: kind,
    }  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, 8 + len(content))
        + content
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
    )
    return path


def network(channels, axes, length=None):
    convolve = operations.Convolve(np.ones((2, channels, *[3] * axes)))
    shape = (None, channels, *[length] * axes)
    return ConvNetwork(Graph([Input("x", shape)], [Node("c", convolve, ("x",), "y")], ["y"]), "net")


# ---- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_pictures_are_divided_by_their_depth(tmp_path, dtype):
    full = np.iinfo(dtype).max
    pixels = (RAMP * full // 63).astype(dtype)
    picture = read_picture(png(tmp_path / "a.png", pixels, 0), "here")
    assert np.array_equal(picture.values, pixels[None] / full)
    assert picture.values.max() == 1
    assert len(np.unique(picture.values)) == 64
    assert picture.scale == "from 0 to 1"
    assert np.array_equal(picture.colour, np.stack([pixels / full] * 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int16, np.int32])
def test_depths_of_tiff(tmp_path, dtype):
    ends = np.iinfo(dtype)
    pixels = np.linspace(ends.min, ends.max, 64).astype(dtype).reshape(8, 8)
    picture = read_picture(tiff(tmp_path / "a.tif", pixels), "here")
    assert np.array_equal(picture.values, pixels[None].astype(np.float64) / ends.max)
    assert picture.scale == ("from −1 to 1" if ends.min else "from 0 to 1")


def test_floats_stay_as_they_are(tmp_path):
    pixels = RAMP.astype(np.float32) * 3 - 7
    picture = read_picture(tiff(tmp_path / "a.tif", pixels), "here")
    assert np.array_equal(picture.values, pixels[None])
    assert picture.scale == "as they are in the file"
    pixels[2, 3] = np.nan
    with pytest.raises(DcscError, match=r"here: a\.tif: expected finite numbers, got nan"):
        read_picture(tiff(tmp_path / "a.tif", pixels), "here")


def test_colours_and_their_grey(tmp_path):
    picture = read_picture(png(tmp_path / "a.png", COLOURS, 2), "here")
    assert np.array_equal(picture.values, np.moveaxis(COLOURS, -1, 0) / 255)
    assert np.allclose(picture.grey[0], COLOURS @ WEIGHTS / 255, rtol=0, atol=1e-15)


def test_colours_of_16_bits_are_read_at_8(tmp_path):
    deep = COLOURS.astype(np.uint16) * 257
    picture = read_picture(png(tmp_path / "a.png", deep, 2), "here")
    assert np.array_equal(picture.values, np.moveaxis(COLOURS, -1, 0) / 255)


def test_palettes_become_colours(tmp_path):
    table = COLOURS.reshape(-1, 3)
    path = png(tmp_path / "a.png", RAMP.astype(np.uint8), 3, [(b"PLTE", table.tobytes())])
    assert np.array_equal(read_picture(path, "here").values, np.moveaxis(COLOURS, -1, 0) / 255)


def on_white(colours, opaque):
    return opaque * colours + (1 - opaque)


def test_transparent_parts_are_laid_on_white(tmp_path):
    opaque = (RAMP * 4).astype(np.uint8)
    both = np.concatenate([COLOURS, opaque[..., None]], axis=-1)
    values = read_picture(png(tmp_path / "a.png", both, 6), "here").values
    expected = on_white(COLOURS / 255, opaque[..., None] / 255)
    assert np.allclose(values, np.moveaxis(expected, -1, 0), rtol=0, atol=1e-15)
    grey = np.stack([RAMP, opaque], axis=-1).astype(np.uint8)
    values = read_picture(png(tmp_path / "a.png", grey, 4), "here").values
    assert np.allclose(values, on_white(RAMP / 255, opaque / 255), rtol=0, atol=1e-15)
    chunks = [(b"PLTE", COLOURS.tobytes()), (b"tRNS", opaque.tobytes())]
    values = read_picture(png(tmp_path / "a.png", RAMP.astype(np.uint8), 3, chunks), "here").values
    assert np.allclose(values, np.moveaxis(expected, -1, 0), rtol=0, atol=1e-15)


def test_pictures_of_one_bit(tmp_path):
    bits = RAMP % 3 == 0
    Image.fromarray(bits).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png", "here").values, bits[None])
    plain = "\n".join(" ".join(str(int(not bit)) for bit in line) for line in bits)
    (tmp_path / "a.pbm").write_text(f"P1\n8 8\n{plain}\n")
    assert np.array_equal(read_picture(tmp_path / "a.pbm", "here").values, bits[None])


def test_files_that_would_start_a_program_are_no_pictures(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: started.append("gs"))
    Image.fromarray(COLOURS).save(tmp_path / "a.eps")
    with pytest.raises(DcscError, match="could not read"):
        read_picture(tmp_path / "a.eps", "here")
    assert not started


# ---- sounds --------------------------------------------------------------------------------------

TONE = np.sin(np.arange(200) / 3) * np.linspace(0.1, 1, 200)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_whole_numbers(tmp_path, width):
    half = 2 ** (8 * width - 1)
    tones = np.stack([TONE, -TONE / 2])
    tones[0, 7], tones[1, 7] = -1, 1
    numbers = np.clip((tones * half).round(), -half, half - 1).astype(np.int64)
    stored = numbers + (half if width == 1 else 0)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 8000, 0, "NONE", ""))
        file.writeframes(
            b"".join(int(n).to_bytes(width, "little", signed=width > 1) for n in stored.T.ravel())
        )
    sound = read_sound(tmp_path / "a.wav", "here")
    assert np.array_equal(sound.values, numbers / half)
    assert np.array_equal(sound.mono, (numbers[0] / half + numbers[1] / half) / 2)
    assert (sound.rate, sound.scale) == (8000, "from −1 to 1")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sounds_of_floats(tmp_path, dtype):
    content, size = (TONE * 3).astype(dtype).tobytes(), np.dtype(dtype).itemsize
    form = struct.pack("<HHIIHH", 3, 1, 8000, 8000 * size, size, 8 * size)
    parts = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form
    parts += b"data" + struct.pack("<I", len(content)) + content
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(parts)) + parts)
    sound = read_sound(tmp_path / "a.wav", "here")
    assert np.array_equal(sound.values, (TONE * 3).astype(dtype)[None])
    assert sound.scale == "as they are in the file"


def test_the_loudest_stretch():
    for length in (1, 7, 200):
        sums = [np.square(TONE[at : at + length]).sum() for at in range(201 - length)]
        start = int(np.argmax(sums))
        assert np.array_equal(loudest(TONE, length), TONE[start : start + length])
        # Also where the square of a sample is no number.
        assert np.array_equal(loudest(TONE * 1e300, length), TONE[start : start + length] * 1e300)
    assert np.array_equal(loudest(np.zeros(5), 3), np.zeros(3))


# ---- both commands -------------------------------------------------------------------------------


def test_both_commands_see_the_same_picture(tmp_path):
    rows = np.arange(64)
    pixels = (np.add.outer(rows**2, 3 * rows) * 12).astype(np.uint16)
    path = png(tmp_path / "a.png", pixels, 0)
    shown = read_inputs(network(1, 2), path)
    assert np.array_equal(shown.values["x"], pixels[None, None] / 65535)
    assert shown.note == "The picture's values are from 0 to 1, and its size is 64 × 64."
    name, signal = read_input(path)
    centred = pixels / 65535 - (pixels / 65535).mean()
    assert name == "a.png"
    assert np.allclose(signal, centred / np.abs(centred).max(), rtol=0, atol=1e-14)


def test_both_commands_hear_the_same_sound(tmp_path):
    numbers = (TONE * 100 + 128).astype(np.uint8)
    scipy.io.wavfile.write(tmp_path / "a.wav", 8000, numbers)
    heard = (numbers - 128.0) / 128
    shown = read_inputs(network(1, 1, 200), tmp_path / "a.wav")
    assert np.array_equal(shown.values["x"], heard[None, None])
    assert shown.note == "The loudest 200 samples, values from −1 to 1, at 8000 Hz."
    _, signal = read_input(tmp_path / "a.wav")
    centred = loudest(heard - heard.mean(), 192)
    centred = centred - centred.mean()
    assert np.allclose(signal, centred / np.abs(centred).max(), rtol=0, atol=1e-14)


def test_pictures_of_another_size_keep_to_their_values(tmp_path):
    edge = np.zeros((40, 40), np.uint16)
    edge[:, 20:] = 65535
    values = read_inputs(network(1, 2, 13), png(tmp_path / "a.png", edge, 0)).values["x"][0, 0]
    assert values.shape == (13, 13)
    assert (values.min(), values.max()) == (0, 1)
    assert np.all(np.diff(values, axis=1) >= 0)
    assert np.all(values == values[0])


# ---- files that lie ------------------------------------------------------------------------------


def sound_bytes(path):
    scipy.io.wavfile.write(path, 8000, (TONE * 1000).astype(np.int16))
    return path.read_bytes()


def refused(read, path, content, words=None):
    path.write_bytes(content)
    with pytest.raises(DcscError, match=words) as error:
        read(path, "here")
    message = str(error.value)
    assert message.startswith("here: ")
    assert path.name in message
    assert len(message.splitlines()) == 1
    assert len(message) < 300 + len(str(path))


def test_sounds_without_data_or_channels_or_with_odd_widths(tmp_path):
    path = tmp_path / "a.wav"
    whole = sound_bytes(path)
    for change in (
        lambda b: b.replace(b"data", b"dita"),
        lambda b: b[:22] + struct.pack("<H", 0) + b[24:],  # channels
        lambda b: b[:32] + struct.pack("<HH", 5, 40) + b[36:],  # bytes and bits of a sample
        lambda b: b[:20] + struct.pack("<H", 77) + b[22:],  # a format nobody knows
        lambda b: b[:44].replace(struct.pack("<I", 400), bytes(4)),
        lambda b: b[:20],
    ):
        refused(read_sound, path, change(whole))


def test_sounds_take_the_memory_of_their_bytes(tmp_path):
    path = tmp_path / "a.wav"
    whole = sound_bytes(path)
    changed = whole.replace(struct.pack("<4sI", b"data", 400), struct.pack("<4sI", b"data", 2**31))
    assert changed != whole
    path.write_bytes(changed)
    tracemalloc.start()
    try:
        with contextlib.suppress(DcscError):  # it may be read as far as it goes
            read_sound(path, "here")
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


def test_pictures_that_declare_too_much(tmp_path):
    path = png(tmp_path / "a.png", RAMP.astype(np.uint8), 0)
    whole = path.read_bytes()

    def sized(width, height):
        head = b"IHDR" + struct.pack(">II", width, height) + whole[24:29]
        return whole[:12] + head + struct.pack(">I", zlib.crc32(head)) + whole[33:]

    refused(read_picture, path, sized(2**16, 2**16), "decompression bomb")
    refused(
        read_picture,
        path,
        sized(10**4, 10**4),
        "at most 16777216 pixels in .* bytes, got 10000 × 10000",
    )
    refused(read_picture, path, sized(2**31 - 1, 2**31 - 1))
    refused(read_picture, path, sized(0, 8))


def test_arrays_that_declare_too_much(tmp_path):
    path = tmp_path / "a.npy"
    declared = {"descr": "<f8", "fortran_order": False, "shape": (2**45,)}
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, declared)
    refused(read_array, path, content.getvalue() + bytes(64))
    np.save(path, np.ones(8))
    whole = path.read_bytes()
    refused(read_array, path, whole.replace(b"(8,)", b"(8, "))
    refused(read_array, path, whole[:40])
    refused(read_array, path, b"hello", "magic")


@pytest.mark.parametrize("kind", ["png", "tif", "gif", "jpg", "bmp", "webp", "wav", "npy"])
def test_broken_files_are_refused_or_read(tmp_path, kind):
    """Each byte of the head is changed in turn: nothing but an error of ours comes out."""
    path = tmp_path / f"a.{kind}"
    if kind == "wav":
        sound_bytes(path)
    elif kind == "npy":
        np.save(path, np.ones((3, 4)))
    else:
        Image.fromarray(COLOURS).save(path)
    read = {"wav": read_sound, "npy": read_array}.get(kind, read_picture)
    whole = path.read_bytes()
    refusals = 0
    for at in range(min(len(whole), 120)):
        for value in (0, 0x7F, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                read(path, "here")
            except DcscError:
                refusals += 1
    assert refusals > 20
    for length in range(0, len(whole) // 2, max(1, len(whole) // 50)):
        path.write_bytes(whole[:length])
        try:
            read(path, "here")
        except DcscError:
            refusals += 1
