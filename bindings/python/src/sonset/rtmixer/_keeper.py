"""Work that goes on beside the program, such as handing over what has been recorded."""

from __future__ import annotations

import threading
import time
from typing import Callable, List, Optional

from .. import errors

_INTERVAL_S = 0.002

Job = Callable[[], bool]
"""Does what there is to do now; True when it has done all."""


class Keeper:
    """A thread that lives while there are jobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: List[Job] = []
        self._thread: Optional[threading.Thread] = None

    def add(self, job: Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="sonset.rtmixer", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # The program is ending: nobody waits for what the job does.
                    return
                self._thread = thread

    def _run(self) -> None:
        while True:
            with self._lock:
                jobs = list(self._jobs)
            finished = [job for job in jobs if _step(job)]
            with self._lock:
                self._jobs = [job for job in self._jobs if job not in finished]
                if not self._jobs:
                    self._thread = None
                    return
            time.sleep(_INTERVAL_S)


def _step(job: Job) -> bool:
    try:
        return job()
    except errors.SonsetError:  # Its stream was destroyed, as at the end of the program.
        return True
