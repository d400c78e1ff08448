"""A report as one page of HTML that needs nothing else."""

from __future__ import annotations

import html
from typing import Any, Dict, List

from . import svg
from .result import VIRTUAL, Report

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1b1b1b }
h1 { font-size: 1.5em; margin: 0 0 .2em } h2 { font-size: 1.1em; margin: 1.4em 0 .3em }
table { border-collapse: collapse; margin: .3em 0 } td, th { padding: .15em 1.2em .15em 0; text-align: left;
vertical-align: top; font-weight: normal } th { color: #555 } svg { max-width: 100%; height: auto; display: block }
.stamp { border: 3px solid #b00020; color: #b00020; padding: .5em 1em; font-weight: bold; margin: 1em 0 }
.kept { color: #00652f } .broken { color: #b00020; font-weight: bold } blockquote { margin: .3em 0; padding: .5em 1em;
background: #f3f3f3 } @media print { body { margin: 0 } }
"""

_TITLES = {"check": "Timing check", "loopback": "Loopback measurement"}


def _text(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(rows: Dict[str, Any]) -> str:
    cells = (
        f"<tr><th>{html.escape(name.replace('_', ' '))}</th><td>{html.escape(_text(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{''.join(cells)}</table>"


def _errors(report: Report) -> List[str]:
    parts = []
    for name, errors in report.errors.items():
        rows = {
            "n": errors.n,
            "mean": f"{errors.mean:.4g} {errors.unit}",
            "SD": f"{errors.sd:.4g} {errors.unit}",
            "range": f"{errors.range:.4g} {errors.unit} ({errors.least:.4g} to {errors.most:.4g})",
            "99.9 % within": f"{errors.within_999:.4g} {errors.unit}" + (" (the largest)" if errors.n < 1000 else ""),
        }
        parts += [f"<h2>{html.escape(name[:1].upper() + name[1:])}</h2>", _table(rows)]
    return parts


def _limits(report: Report) -> List[str]:
    if not report.limits:
        return []
    rows = []
    for limit in report.limits:
        verdict = '<td class="kept">kept</td>' if limit.kept else '<td class="broken">BROKEN</td>'
        name = html.escape(limit.name.replace("max_", "").replace("_", " "))
        rows.append(
            f"<tr><th>{name}</th><td>at most {limit.limit:g}</td><td>{_text(limit.measured)}</td>{verdict}</tr>"
        )
    return ["<h2>Limits</h2>", f"<table>{''.join(rows)}</table>"]


def page(report: Report) -> str:
    """The whole page."""
    title = f"{_TITLES[report.command]}: {report.stream['output_device'] or report.stream['backend']}"
    stamp = f'<p class="stamp">These results are {VIRTUAL}</p>' if report.is_virtual else ""
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{html.escape(str(report.machine['time']))}, sonset {html.escape(str(report.machine['sonset']))}</p>",
        stamp,
        "<h2>Results</h2>",
        _table(report.results),
        *_errors(report),
        *_limits(report),
        *(svg.draw(series) for series in report.series),
        "<h2>To paste into a methods section</h2>",
        f"<blockquote>{html.escape(report.methods)}</blockquote>",
        "<h2>Stream</h2>",
        _table(report.stream),
        "<h2>Machine</h2>",
        _table(report.machine),
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{chr(10).join(parts)}\n</body></html>\n'
