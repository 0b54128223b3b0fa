"""Files that need an optional package, in any folder, are skipped where it is missing."""

import pytest

from tests import extras


class LeftOut(pytest.File):
    """A file that is not read."""

    def collect(self):
        pytest.skip(extras.why_left_out(self.path), allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put `LeftOut` in the place of what cannot be collected."""
    collectors = yield
    if collectors and extras.why_left_out(file_path):
        return [LeftOut.from_parent(parent, path=file_path)]
    return collectors
