"""Question marks that are left in a table of layers are named all at once, with their places."""

import tomllib

import numpy as np
import pytest

from dcsc import DcscError, networks
from dcsc.networks.weights import check_filled

TEXT = """\
input = [1, "?", "?"]  # "?" in a comment is none

[[layers]]
name = "a"
stride = "?"
padding = [["?", 1], [1, 0]]  # '?'
pool = { kind = "max_pool", kernel = "?" }

[[layers]]
name = "b"
stride = '?'

[[layers]]
kind = "?"
title = "what # is this?"
"""
PADDING = '(a whole number, or one per axis, or a pair per axis, or "same")'
NUMBER = "(a whole number, or one per axis)"


def refusal(table, text=""):
    with pytest.raises(DcscError) as error:
        check_filled(table, text)
    return str(error.value)


def test_all_are_named_with_their_lines_and_with_what_may_stand_there():
    assert refusal(tomllib.loads(TEXT), TEXT) == (
        "geometry: expected values in place of 7 question marks, or those lines taken out: "
        f"input in line 1 (channels, then the extent); stride in lines 5, 11 {NUMBER}; "
        f'padding in line 6 {PADDING}; pool in line 7 ({{ kind = "max_pool", kernel = 2, '
        'stride = 2 }); kind in line 14 (the name of a kind, such as "convolution")'
    )


def test_without_a_file_they_are_named_with_their_layers():
    message = refusal(tomllib.loads(TEXT))
    assert f"stride of a, b {NUMBER}" in message
    assert "kind of layer 3 (" in message
    assert "input (channels, then the extent); " in message
    assert refusal({"layers": [{"name": "a", "slope": "?"}]}).endswith(
        "of 1 question mark, or those lines taken out: slope of a"
    )


def test_lines_that_cannot_be_told_apart_are_not_guessed():
    text = TEXT.replace('"what # is this?"', '"""\n"?" is no mark\n"""')
    assert "stride of a, b" in refusal(tomllib.loads(text), text)


def test_filled_tables_pass():
    check_filled({"layers": [{"name": "a?", "stride": 1}], "input": (1, 2)})
    check_filled({"layers": ["?", 3, None]})  # no table of layers, which others refuse
    check_filled({})


def test_loading_names_the_file_and_its_lines(tmp_path):
    np.savez(tmp_path / "net.npz", **{"a.weight": np.ones((2, 1, 3)), "b.weight": np.ones((2, 2))})
    (tmp_path / "net.toml").write_text(networks.template(tmp_path / "net.npz"))
    with pytest.raises(DcscError) as error:
        networks.load(tmp_path / "net.npz")
    message = str(error.value)
    assert message.startswith(
        "networks.load: net.npz: geometry from net.toml: expected values in place of 7 question "
    )
    lines = (tmp_path / "net.toml").read_text().splitlines()
    (number,) = (at for at, line in enumerate(lines, start=1) if line.startswith("stride"))
    assert f"stride in line {number} {NUMBER}" in message
    with pytest.raises(DcscError, match=r"net\.npz: geometry: expected values in"):
        networks.load(tmp_path / "net.npz", {"layers": [{"name": "a", "stride": "?"}]})


def test_a_table_that_is_nested_without_end_is_refused(tmp_path):
    np.savez(tmp_path / "net.npz", **{"a.weight": np.ones((2, 1, 3))})
    (tmp_path / "net.toml").write_text("input = " + "[" * 200 + "]" * 200)
    with pytest.raises(DcscError, match="nested too deeply"):
        networks.load(tmp_path / "net.npz")
    table = value = {}
    for _ in range(2000):
        value["layers"] = [{}]
        value = value["layers"][0]
    with pytest.raises(DcscError, match="geometry: it is nested too deeply"):
        networks.load(tmp_path / "net.npz", table)
