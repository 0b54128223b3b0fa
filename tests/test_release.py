"""The version, the changelog and the citation tell of the same release."""

import datetime
import re
from pathlib import Path

import dcsc

ROOT = Path(__file__).parents[1]


def test_the_newest_version_of_the_changelog_is_the_one_that_is_cited():
    text = ROOT.joinpath("CHANGELOG.md").read_text("utf-8")
    version, date = re.search(r"^## \[([\d.]+)\] - (.+)$", text, re.MULTILINE).groups()
    assert version == dcsc.__version__
    datetime.date.fromisoformat(date)
    citation = ROOT.joinpath("CITATION.cff").read_text("utf-8").splitlines()
    assert f"version: {version}" in citation
    assert f"date-released: {date}" in citation


def test_what_is_new_stands_before_what_was_released():
    text = ROOT.joinpath("CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(set(headings)) == len(headings)
