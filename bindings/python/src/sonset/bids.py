"""Receipts as the events file of a BIDS data set."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from ._library import refuse, shown

if TYPE_CHECKING:
    from .receipt import Receipt

_COLUMNS: Dict[str, Dict[str, str]] = {
    "onset": {"Description": "Time of the first frame at the converter, from `origin` on", "Units": "s"},
    "duration": {"Description": "Time from the first frame to the end of the last", "Units": "s"},
    "trial_type": {"Description": "Kind of the event"},
    "sample": {"Description": "First frame, counted by the audio stream from 0"},
    "outcome": {"Description": "How the action ended"},
    "tag": {"Description": "The number that the program gave it"},
    "late": {"Description": "How much later than asked it started", "Units": "s"},
    "onset_uncertainty": {"Description": "99 in 100 onsets are nearer, by the fit of the clocks", "Units": "s"},
}


def receipts_to_bids_events(
    receipts: Iterable[Receipt],
    path: Union[str, os.PathLike[str]],
    *,
    origin: Optional[float] = None,
    trial_type: Union[None, Mapping[int, str], Callable[[Receipt], str]] = None,
) -> List[Dict[str, Any]]:
    """Writes receipts as a BIDS events file, with a JSON sidecar that describes its columns.

    Actions that never started have no onset and are left out.

    Parameters
    ----------
    receipts : iterable of Receipt
        Such as ``stream.receipts``.
    path : path-like
        The file, ``..._events.tsv``. The sidecar lies beside it, ending in ``.json``.
    origin : float, optional
        The time in seconds by the clock of `time.perf_counter` that is 0 in the file, such as that of the first volume
        of the scanner. By default onsets are in seconds of the stream, from its frame 0 on.
    trial_type : dict or callable, optional
        Names the events: by their tag, or by a function of the receipt. By default their kind.

    Returns
    -------
    list of dict
        The rows.
    """
    target = Path(path)
    if not target.name.endswith("_events.tsv"):
        refuse(f"path={shown(str(path))} does not end in '_events.tsv', as BIDS wants it")
    rows = [_row(receipt, origin, trial_type) for receipt in receipts if receipt.start_frame is not None]
    rows.sort(key=lambda row: row["onset"])
    with open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(_COLUMNS), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: "n/a" if value is None else value for name, value in row.items()} for row in rows)
    target.with_suffix(".json").write_text(json.dumps(_COLUMNS, indent=2) + "\n", encoding="utf-8")
    return rows


def _row(receipt: Receipt, origin: Optional[float], trial_type: Any) -> Dict[str, Any]:
    start, end = receipt.start_frame, receipt.end_frame
    assert start is not None
    if origin is None:
        onset = start / receipt.samplerate
    elif receipt.start_perf_counter is None:
        refuse(f"action {receipt.action} has no host time, so its onset cannot be given from an origin on")
    else:
        onset = receipt.start_perf_counter - origin
    return {
        "onset": round(onset, 9),
        "duration": None if end is None else round((end - start) / receipt.samplerate, 9),
        "trial_type": _name(receipt, trial_type),
        "sample": start,
        "outcome": receipt.outcome,
        "tag": receipt.tag,
        "late": receipt.late_s,
        "onset_uncertainty": receipt.uncertainty_s,
    }


def _name(receipt: Receipt, trial_type: Any) -> str:
    if callable(trial_type):
        return str(trial_type(receipt))
    if trial_type is not None:
        return str(trial_type.get(receipt.tag, receipt.kind))
    return receipt.kind


__all__ = ["receipts_to_bids_events"]
