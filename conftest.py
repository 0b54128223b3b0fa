"""Files that cannot be collected without PyTorch, in any folder, are skipped with the reason."""

import pytest

from tests import extras


class LeftOut(pytest.File):
    """A file that is not read."""

    def collect(self):
        pytest.skip(extras.REASON, allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put `LeftOut` in the place of what cannot be collected."""
    collectors = yield
    if collectors and extras.is_left_out(file_path):
        return [LeftOut.from_parent(parent, path=file_path)]
    return collectors
