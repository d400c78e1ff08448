"""How anything is asked of a stream, and how its receipts come back."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any, Callable, Dict, Set, Type

from . import notices, state
from . import options as _options
from ._library import NULL, Process, lib
from .action import Action
from .receipt import Receipts, new_receipt
from .state import StreamInfo

# How often receipts are taken where nothing is waited for: each action would make it the dearest part of a call.
_COLLECT_EVERY = 64
_COLLECT_S = 0.05

_monotonic = time.monotonic
_POLL = lib.sonset_stream_poll_receipt
_UNKNOWN = object()


def _destroy(handle: Any, alive: Dict[int, Any], generation: int) -> None:
    """Ends a stream that nobody closed. What it plays is kept until it does not play any more."""
    if generation == Process.generation:
        lib.sonset_stream_destroy(handle)
    alive.clear()


def _refresher(stream: weakref.ref[Issuer]) -> Callable[[], None]:
    """What takes the receipts that wait, as long as the stream is there and is this process's."""

    def refresh() -> None:
        issuer = stream()
        if issuer is not None and issuer._generation == Process.generation:
            issuer._collect()

    return refresh


class Issuer:
    """What the halves of `Stream` have in common. It is never used alone, so every one is a `Stream`."""

    _handle: Any = NULL

    def _take_over(self, handle: Any, strict: bool) -> StreamInfo:
        self._handle = handle
        self._generation = Process.generation
        self._alive: Dict[int, Any] = {}
        # Actions whose receipts another thread took before the one that issued them knew their numbers.
        self._early: Set[int] = set()
        self._destroyer = weakref.finalize(self, _destroy, handle, self._alive, self._generation)
        self._collecting = threading.Lock()
        self._local = threading.local()
        self._batches = 0
        info = state.read_info(handle)
        self.samplerate: int = info.samplerate
        self.output_channels: int = info.output_channels
        self.input_channels: int = info.input_channels
        self.receipts = Receipts(self.samplerate, _refresher(weakref.ref(self)))
        self._notices = notices.Notices(strict, self.samplerate)
        self._polled = new_receipt()
        self._collect_at, self._collect_after = _COLLECT_EVERY, 0.0
        return info

    def _handle_now(self) -> Any:
        # Also in a fork, where the library refuses it.
        return self._handle

    def _params(self, kind: _options.Params, options: Any) -> Any:
        batch = getattr(self._local, "batch", None) if self._batches else None
        if batch is None and not options:
            return NULL
        params = kind.new(options, self.samplerate)
        if batch is not None:
            params.batch = batch.id
        return params

    def _issued(self, kind: Type[Action], number: int, keep: Any) -> Action:
        self._alive[number] = keep
        if self._early:
            self._forget_early(number)
        return kind(self, number, keep)  # type: ignore[arg-type]

    def _forget_early(self, number: int) -> None:
        if number in self._early:
            self._early.discard(number)
            self._alive.pop(number, None)

    def _before(self) -> None:
        """What is due before something is asked for: the receipts so far, and what a strict stream has to raise."""
        self._collect()
        self._raise_problem()

    def _collect(self) -> None:
        """Takes the receipts that wait, lets go of what their actions needed, and looks for problems in them."""
        if not self._collecting.acquire(False):
            return
        try:
            handle = self._handle_now()
            while _POLL(handle, self._polled) == 0:
                # It is kept before it is looked at: a warning may be raised as an error.
                polled, self._polled = self._polled, new_receipt()
                if self._alive.pop(polled.action, _UNKNOWN) is _UNKNOWN:
                    self._early.add(polled.action)
                    # It may have become known meanwhile.
                    if polled.action in self._alive:
                        self._forget_early(polled.action)
                self.receipts._add(polled)
                self._notices.examine(polled)
            self._collect_at = len(self._alive) + _COLLECT_EVERY
            self._collect_after = _monotonic() + _COLLECT_S
        finally:
            self._collecting.release()

    def _raise_problem(self) -> None:
        problem, self._notices.pending = self._notices.pending, None
        if problem is not None:
            raise problem
