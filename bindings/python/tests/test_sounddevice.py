"""Programs that use sounddevice beside `sonset.rtmixer`, with the real sounddevice.

Each runs in a process of its own, as PortAudio and libasound read once what there is: here ALSA devices without
hardware. Their numbers in sounddevice's list are not those in sonset's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
from jack_rig import jack_server, missing_tools

from sonset.rtmixer import _portaudio

pytest.importorskip("sounddevice", reason="sounddevice is not installed", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the devices are ALSA's")

DEVICE = "pcm.{} {{ type linear slave {{ format S16_LE pcm {{ type null }} }} hint {{ show on description '{}' }} }}\n"
DEVICES = (
    "defaults.namehint.showall on\n"
    + DEVICE.format("lab", "Lab interface")
    + DEVICE.format("booth", "Booth headphones")
    + DEVICE.format("!default", "The default")
)
NO_DEVICES = "pcm.!default { type hw card 0 }\nctl.!default { type hw card 0 }\n"
START = """
import sounddevice as sd
import sonset
import sonset.rtmixer as rtmixer

sd.query_devices()

def opened(kind=rtmixer.Mixer, **arguments):
    with kind(**arguments) as stream:
        info = stream.stream.info
        return info.output_device or info.input_device

def refused(kind=rtmixer.Mixer, **arguments):
    try:
        return "opened " + opened(kind, **arguments)
    except (sonset.DeviceError, ValueError) as error:
        return str(error)
"""

Run = Callable[..., "list[str]"]


def run(folder: Path, devices: str, program: str, **environment: str) -> list[str]:
    """The lines that a program prints which finds these ALSA devices and no others."""
    (folder / "asound.conf").write_text(devices)
    nowhere = {"PULSE_SERVER": f"unix:{folder}/none", "JACK_DEFAULT_SERVER": f"none-{os.getpid()}"}
    found = {"ALSA_CONFIG_PATH": str(folder / "asound.conf"), **nowhere, **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + program],
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """Runs a program that finds three ALSA devices: lab, booth and default."""
    return lambda text, **environment: run(tmp_path, DEVICES, text, **environment)


def test_the_devices_of_the_two_lists_are_numbered_differently(program):
    assert program("""
print([device["name"] for device in sd.query_devices()])
print([device.id for device in sonset.query_devices("alsa")])
print(sonset.query_devices()[-1].id, list(sd.default.device))
""") == ["['lab', 'booth', 'default']", "['lab', 'booth', 'default']", "virtual [2, 2]"]


def test_importing_sounddevice_changes_nothing(program):
    assert program("print(opened(channels=2), opened(rtmixer.Recorder, channels=1))") == ["default default"]


def test_a_number_of_sounddevice_is_the_device_that_has_it_there(program):
    assert program("""
print(*[opened(device=number, channels=2) for number in range(3)])
for name in "lab", "Booth", "booth, ALSA", "bo alsa":
    print(opened(device=name, channels=2))
with rtmixer.MixerAndRecorder(device=(1, 1), channels=1) as stream:
    print(stream.device, sd.query_devices(stream.device[1])["name"])
print(opened(channels=1, device=__import__("numpy").int64(1)))
""") == ["lab booth default", "lab", "booth", "booth", "booth", "(1, 1) booth", "booth"]


def test_a_default_device_counts_where_the_program_has_set_it(program):
    assert program("""
sd.default.device = None, 1
print(opened(channels=2), opened(rtmixer.Recorder, channels=1))
sd.default.device = "lab"
print(opened(channels=2), opened(rtmixer.Recorder, channels=1))
sd.default.device = "virtual"
print(opened(channels=2))
sd.default.reset()
print(opened(channels=2))
""") == ["booth default", "lab lab", "virtual", "default"]


def test_the_other_defaults_of_the_program_apply(program):
    assert program("""
sd.default.channels, sd.default.samplerate, sd.default.blocksize = (1, 3), 32000, 64
with rtmixer.MixerAndRecorder(device="virtual") as m:
    print(m.channels, m.samplerate, m.blocksize)
with rtmixer.Mixer(device="virtual", channels=2, samplerate=48000) as m:
    print(m.channels, m.samplerate)
""") == ["(1, 3) 32000.0 64", "2 48000.0"]


def test_a_number_that_means_no_device_of_sonset_is_refused_by_its_name(tmp_path):
    without_hint = "pcm.hidden { type linear slave { format S16_LE pcm { type null } } }\n"
    lines = run(tmp_path, without_hint + NO_DEVICES, "print(sd.query_devices(0)['name'])\nprint(refused(device=0))")
    assert lines[0] == "hidden"
    assert "device=0" in lines[1] and "'hidden'" in lines[1] and "ALSA" in lines[1] and "opened" not in lines[1]


def test_no_number_and_no_part_of_a_name_is_ever_the_virtual_device(tmp_path):
    lines = run(
        tmp_path,
        NO_DEVICES,
        """
wrong = list(range(-3, 40)) + ["", " ", "device", "Virtual", "virtual device", "hardware", "v", "no", "virtually"]
for device in wrong:
    print(refused(device=device, channels=1), end="")
    try:
        print(" opened", sonset.Stream(device=device))
    except (sonset.DeviceError, ValueError) as error:
        pass
    for half in "output_device", "input_device":
        try:
            print(" opened", sonset.Stream(48000, 1, 1, **{half: device}))
        except (sonset.DeviceError, ValueError) as error:
            pass
print(refused(), refused(rtmixer.Recorder), refused(rtmixer.MixerAndRecorder))
sd.default.device = 0
print(refused(), refused(rtmixer.Recorder), refused(rtmixer.MixerAndRecorder))
""",
    )
    assert lines and not [line for line in lines if "opened" in line]


@pytest.mark.skipif(bool(missing_tools()), reason=f"needs {', '.join(missing_tools())}")
def test_where_jack_is_the_only_server_it_is_opened(tmp_path):
    with jack_server() as server:
        lines = run(
            tmp_path,
            NO_DEVICES,
            """
print(sonset.Stream().info.backend, sonset.query_devices(kind="output").backend)
print(opened(), opened(rtmixer.Recorder), opened(rtmixer.MixerAndRecorder))
print(opened(device=sd.default.device[1]), opened(device=next(
    number for number, device in enumerate(sd.query_devices()) if device["name"] == "system")))
""",
            JACK_DEFAULT_SERVER=server.name,
        )
    assert lines == ["jack jack", "jack jack jack", "jack jack"]


CARDS = """
 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7e10000 irq 31
 1 [Fireface       ]: USB-Audio - Fireface UCX
                      RME Fireface UCX at usb-0000:00:14.0-2, high speed
"""


def test_a_sound_card_of_portaudio_is_the_alsa_device_of_the_same_card():
    # There is no sound card here to ask.
    assert _portaudio.card_id("HDA Intel PCH: ALC257 Analog (hw:0,0)", CARDS) == "hw:CARD=PCH,DEV=0"
    assert _portaudio.card_id("Fireface UCX: USB Audio #1 (hw:1,1)", CARDS) == "hw:CARD=Fireface,DEV=1"
    assert _portaudio.card_id("Gone: USB Audio (hw:2,0)", CARDS) is None
    assert _portaudio.card_id("default", CARDS) is None
