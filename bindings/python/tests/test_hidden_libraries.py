"""The package needs no audio library to be imported, and finds the system's own where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HIDE = Path(__file__).resolve().parents[3] / "scripts" / "hide_libraries.c"
PROGRAM = """
import sonset
found = sonset.query_devices()
print([device.backend for device in found])
print(found.unavailable.get("alsa"))
with sonset.Stream(48000, device="virtual") as stream:
    print(stream.play([0.1]).wait(10).outcome)
try:
    sonset.Stream(backend="alsa")
except sonset.BackendUnavailableError as error:
    print("refused:", error)
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux's libraries")


@pytest.mark.skipif(not HIDE.exists() or not shutil.which("cc"), reason="needs the sources and a C compiler")
def test_without_libasound_the_virtual_device_plays_and_alsa_says_what_to_install(tmp_path):
    hide = tmp_path / "hide.so"
    subprocess.run(["cc", "-fPIC", "-shared", str(HIDE), "-o", str(hide)], check=True)
    environment = {**os.environ, "LD_AUDIT": str(hide)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[0] == "['virtual']", done.stderr
    assert "libasound2" in lines[1]
    assert lines[2] == "completed"
    assert lines[3].startswith("refused:") and "libasound2" in lines[3]


@pytest.mark.skipif(not shutil.which("ldconfig"), reason="asks ldconfig")
def test_alsas_own_configuration_and_plugins_are_found(tmp_path):
    libraries = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout
    if "libasound.so.2" not in libraries:
        pytest.skip("libasound is not installed")
    (tmp_path / "asound.conf").write_text(
        f'pcm.of_this_test {{ type file slave.pcm "null" file "{tmp_path}/out.raw" format "raw"'
        ' hint { show on description "written to a file" } }\n'
        "pcm.null { type null }\n"
    )
    program = "import sonset; print([device.id for device in sonset.query_devices('alsa')])"
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert "of_this_test" in done.stdout, done.stdout + done.stderr
