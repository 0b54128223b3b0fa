"""Watching what a process does while it reads: code that runs, files that are opened."""

import os
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["Watch"]

# What no reader of files has to do.
_NEVER = (
    *("code.__new__", "pickle.find_class", "shutil.", "socket.", "ctypes.dlopen"),
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "os.kill"),
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    *("os.symlink", "os.truncate", "os.utime", "subprocess.Popen", "tempfile.", "pty.spawn"),
)
# Who makes code out of classes and templates of their own, and who looks at constants only.
_MAKERS = (
    *("ast.py", "attr/_make.py", "cattrs/gen/__init__.py", "collections/__init__.py"),
    *("cattrs/converters.py", "jinja2/environment.py", "jinja2/loaders.py"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """What a process does between `start` and `stop`, as far as Python's audit events tell."""

    def __init__(self) -> None:
        # Files in these folders are Python's, its packages', and dcsc's own.
        paths = {*sysconfig.get_paths().values(), *sys.path, sys.prefix, sys.base_prefix}
        self.libraries = tuple({os.path.realpath(path) for path in paths if path})
        self.folder: str | None = None
        self.events: list[str] = []

    def start(self, folder: Path) -> None:
        """Watch from now on; files of this folder may be read."""
        self.folder = os.path.realpath(folder)

    def stop(self) -> list[str]:
        """Watch no more, and return what should not have happened."""
        self.folder, events, self.events = None, self.events, []
        return events

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event."""
        if self.folder is None:
            return
        folder, self.folder = self.folder, None  # what is done here is nobody's reading
        try:
            self.events += self._judged(event, arguments, folder)
        finally:
            self.folder = folder

    def _judged(self, event: str, arguments: tuple[Any, ...], folder: str) -> list[str]:
        if _compiling():
            return []
        if event == "open":
            return self._opened(*arguments, folder)
        if event in ("exec", "compile", "marshal.loads") and not _importing():
            return self._run(event, arguments)
        if event == "import":
            module = str(arguments[0]).partition(".")[0]
            known = module in sys.stdlib_module_names or module in sys.modules
            return [] if known else [f"imports {module}"]
        return [f"{event} {arguments!r}"[:200]] if event.startswith(_NEVER) else []

    def _opened(self, path: Any, _: Any, flags: int, folder: str) -> list[str]:
        if isinstance(path, int):
            return []
        place = os.path.realpath(os.fsdecode(path))
        if flags & _WRITING:
            return [f"writes {_short(place, folder)}"]
        within = (folder, *self.libraries)
        if any(place == root or place.startswith(root + os.sep) for root in within):
            return []
        return [f"opens {_short(place, folder)}"]

    def _run(self, event: str, arguments: tuple[Any, ...]) -> list[str]:
        caller = sys._getframe(4)
        code = arguments[0]
        if isinstance(code, CodeType) and self._is_library(code.co_filename):
            return []
        if _by_makers(caller):
            return []
        return [f"{event} by {caller.f_code.co_filename}:{caller.f_lineno}"]

    def _is_library(self, name: str) -> bool:
        return name.startswith("<frozen ") or os.path.realpath(name).startswith(self.libraries)


def _importing() -> bool:
    """Return whether Python imports a module, whose name has been judged already."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _compiling() -> bool:
    """Return whether numba compiles a loop of dcsc's, or takes it from its own files."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and "/numba/core/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None


def _by_makers(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(_MAKERS)


def _short(place: str, folder: str) -> str:
    return os.path.relpath(place, folder) if place.startswith(os.path.dirname(folder)) else place
