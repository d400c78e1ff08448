"""``python -m sonset``: lists devices, checks timing, and tells what to paste into a forum post."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, List, Optional

from . import __version__, errors, report
from .devices import backends, query_devices
from .report.doctor import doctor

PASSED, BROKEN, NOT_MEASURED = 0, 1, 2


def _stream_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("stream")
    group.add_argument("--device", help="device of both directions: number, id or part of the name, or 'virtual'")
    group.add_argument("--output", help="output device")
    group.add_argument("--input", help="input device")
    group.add_argument("--backend", help="backend by name")
    group.add_argument("--rate", type=int, help="sample rate in hertz")
    group.add_argument("--block", type=int, default=0, help="frames a block")
    group.add_argument("--options", help="options of the backend, as 'key=value;key=value'")


def _report_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("report")
    group.add_argument("--html", metavar="FILE", help="write a page to attach to a paper")
    group.add_argument("--json", metavar="FILE", help="write all numbers")
    group.add_argument("--quiet", action="store_true", help="show no progress")


def _limits(parser: argparse.ArgumentParser, **limits: str) -> None:
    group = parser.add_argument_group("limits (exit status 1 if one is not kept)")
    for name, text in limits.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X", help=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sonset", description="Lists devices, and measures timing.")
    parser.add_argument("--version", action="version", version=f"sonset {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("devices", help="list versions, backends and devices; so does no command")
    commands.add_parser("doctor", help="tell what to paste into a forum post")
    check = commands.add_parser("check", help="run a stream and look at its clock")
    check.add_argument("--seconds", type=float, default=10.0, help="how long to run (10)")
    _stream_options(check)
    _limits(
        check,
        max_xruns="xruns",
        max_discontinuities="steps in the time stamps",
        max_uncertainty_us="uncertainty of the clock at the end, in µs",
        max_drift_ppm="rate of the device against the host's clock, either way",
        max_late="sounds that started late",
    )
    _report_options(check)
    loop = commands.add_parser("loopback", help="play pulses through a cable and find them in the recording")
    loop.add_argument("--pulses", type=int, default=100, help="pulses to play (100)")
    loop.add_argument("--level-db", type=float, default=-12.0, help="their level in dB of full scale (-12)")
    loop.add_argument("--channel-out", type=int, default=1, help="output channel that the cable is in (1)")
    loop.add_argument("--channel-in", type=int, default=1, help="input channel that the cable is in (1)")
    loop.add_argument("--longest-ms", type=float, default=200.0, help="longest round trip to look for (200)")
    _stream_options(loop)
    _limits(
        loop,
        max_jitter_samples="range of the round trip",
        max_unreported_us="what the backend does not report of it, either way",
        max_xruns="xruns",
    )
    _report_options(loop)
    return parser


def _device(text: Optional[str]) -> Any:
    return int(text) if text is not None and text.isdigit() else text


def _arguments(args: argparse.Namespace) -> Dict[str, Any]:
    """What the functions take, of what was given."""
    stream: Dict[str, Any] = {"device": _device(args.device), "backend": args.backend, "blocksize": args.block}
    stream.update(output_device=_device(args.output), input_device=_device(args.input), options=args.options)
    stream["samplerate"] = args.rate
    own = {name: value for name, value in vars(args).items() if name.startswith("max_")}
    return {**stream, **own, "show_progress": not args.quiet}


def _measure(args: argparse.Namespace) -> int:
    try:
        if args.command == "check":
            result = report.check(args.seconds, **_arguments(args))
        else:
            more = {name: getattr(args, name) for name in ("level_db", "channel_out", "channel_in", "longest_ms")}
            result = report.loopback(args.pulses, **more, **_arguments(args))
    except report.Refused as refusal:
        print(f"not measured ({refusal.kind}): {refusal}", file=sys.stderr)
        return NOT_MEASURED
    except errors.SonsetError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return NOT_MEASURED
    print(result)
    try:
        if args.json:
            result.write_json(args.json)
        if args.html:
            result.write_html(args.html)
    except OSError as error:
        print(f"the report could not be written: {error}", file=sys.stderr)
        return NOT_MEASURED
    return PASSED if result.passed else BROKEN


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs a command, and gives the exit status: 0 passed, 1 a limit was not kept, 2 it could not be measured."""
    args = _parser().parse_args(arguments)
    if args.command in ("check", "loopback"):
        return _measure(args)
    if args.command == "doctor":
        print(doctor())
        return PASSED
    print(f"sonset {__version__}\nbackends: {', '.join(backends())}\n{query_devices()!r}")
    return PASSED


if __name__ == "__main__":
    sys.exit(main())
