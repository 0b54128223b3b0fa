"""What users call stays as it is, unless a change is meant."""

from tests import public_api


def test_the_public_names_are_those_of_the_list(torch):
    """A change of this list belongs into the changelog, too.

    ``python -m tests.public_api`` writes it anew.
    """
    assert public_api.lines() == public_api.FILE.read_text(encoding="utf-8").splitlines()
