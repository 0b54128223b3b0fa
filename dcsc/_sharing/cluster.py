"""The workers of a Dask cluster, in place of processes on this machine."""

import asyncio
import itertools
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = ["cluster"]

_ADDRESS = re.compile(r"[a-z]+://\S+:\d+")
_PATIENCE = 10
_TICK = 0.02  # seconds between looks at what has landed
_SILENCE = 10.0  # seconds without anything until the workers are counted
_AHEAD = 2  # calls for each core, so that no worker waits for the next

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


@contextmanager
def cluster(
    address: str, idle: Callable[[], None] = lambda: None
) -> Iterator[tuple[Callable[[Iterable[Call]], Iterator[Any]], int]]:
    """Yield a function that runs calls on the workers of a scheduler, and how many cores they have.

    The function yields what the calls return, as they end. While all workers are lost it calls
    ``idle`` now and then, and waits for others.

    Raises
    ------
    DcscError
        If no scheduler is at the address, it has no workers, or it is lost later on.
    """
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError:
        raise DcscError('--dask: expected Dask to be installed: pip install "dcsc[dask]"') from None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise DcscError(
            f"--dask: expected an address such as tcp://HOST:8786, got {quoted(address)}"
        )
    with _silent():
        _reach(address)
        settings: dict[str, Any] = {"timeout": _PATIENCE, "set_as_default": False}
        with Client(address, **settings) as client:  # type: ignore[no-untyped-call]  # dask has no types
            cores = sum(client.nthreads().values())
            if not cores:
                raise DcscError(
                    f"--dask: expected workers at {quoted(address)}, got a scheduler without any"
                )
            yield lambda calls: _results(client, calls, _AHEAD * cores, address, idle), cores


def _reach(address: str) -> None:
    """Meet a wrong address before there is a client, which would go on trying until the end."""
    from distributed import Security  # noqa: PLC0415
    from distributed.comm.core import connect  # noqa: PLC0415

    async def meet() -> None:
        options = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
        comm = await connect(address, timeout=_PATIENCE, **options)  # type: ignore[no-untyped-call]
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as thread:  # this one may be at work in a loop of its own
            thread.submit(asyncio.run, meet()).result()
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise DcscError(f"--dask: expected a scheduler at {quoted(address)}: {error}") from None


def _results(
    client: Any, calls: Iterable[Call], ahead: int, address: str, idle: Callable[[], None]
) -> Iterator[Any]:
    """Yield what calls return, some of them submitted ahead; the rest is cancelled at the end."""
    from distributed import as_completed  # noqa: PLC0415

    calls = iter(calls)
    waiting: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
    futures = set[Any]()

    def submit(count: int) -> None:
        for function, arguments, options in itertools.islice(calls, count):
            future = client.submit(function, *arguments, **options, pure=False)
            futures.add(future)
            waiting.add(future)

    try:
        submit(ahead)
        for future in _landing(client, waiting, idle):
            result = _result(client, future, idle)
            futures.remove(future)
            submit(1)
            yield result
    except DcscError:
        raise
    except (Exception, asyncio.CancelledError, CancelledError) as error:
        raise DcscError(
            f"--dask: the scheduler at {quoted(address)} or its workers are lost "
            f"({type(error).__name__}): what was finished is kept, and a rerun goes on"
        ) from None
    finally:
        if client.status == "running":
            client.cancel(list(futures))


def _landing(client: Any, waiting: Any, idle: Callable[[], None]) -> Iterator[Any]:
    """Yield what `as_completed` does, and tell meanwhile where nobody is at work."""
    while waiting.count():
        asked = time.monotonic()
        while not waiting.has_ready():
            time.sleep(_TICK)
            if time.monotonic() - asked > _SILENCE:
                asked = time.monotonic()
                if not client.nthreads():
                    idle()
        yield next(waiting)


def _result(client: Any, future: Any, idle: Callable[[], None]) -> Any:
    """Return what a call has returned, or will once more if the worker that kept it is lost."""
    while True:
        try:
            return future.result(timeout=_SILENCE)
        except TimeoutError:
            if future.status == "error":  # it is the call's own
                raise
            if not client.nthreads():
                idle()


@contextmanager
def _silent() -> Iterator[None]:
    """Let Dask log nothing: what goes wrong ends in one error."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
