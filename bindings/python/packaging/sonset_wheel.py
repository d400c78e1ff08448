"""Builds the package: maturin, given what it cannot find out by itself.

maturin compiles the library and makes cffi's bindings from ``target/header.h``. This backend writes that file from
``include/sonset.h``, the one place where the C interface is declared, and puts the device library beside the
package, which on Linux is a library of its own that is opened on first use.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import maturin

PACKAGE = Path(__file__).resolve().parent.parent
DEVICES = "libsonset_devices.so"


def workspace():
    """The folder with the library's Cargo.toml: above the package in a checkout, and beside it in an sdist."""
    for folder in PACKAGE.parents:
        if (folder / "include" / "sonset.h").is_file():
            return folder
    raise SystemExit(f"include/sonset.h is missing above {PACKAGE}")


def declarations(header):
    """What cffi reads of the header: no directives, no C++, and the versions as constants."""
    versions = re.findall(r"^#define (SONSET_VERSION_\w+) (\d+)$", header, re.M)
    text = re.sub(r'#ifdef __cplusplus\n.*?#endif[^\n]*\n', "", header, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M).replace("SONSET_API", "")
    return "".join(f"#define {name} {value}\n" for name, value in versions) + text


def target_folder(root):
    metadata = ["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path", str(root / "Cargo.toml")]
    return Path(json.loads(subprocess.run(metadata, check=True, stdout=subprocess.PIPE).stdout)["target_directory"])


def prepare():
    """Writes the declarations for cffi and builds the device library."""
    root = workspace()
    (root / "target").mkdir(exist_ok=True)
    header = (root / "include" / "sonset.h").read_text(encoding="utf-8")
    (root / "target" / "header.h").write_text(declarations(header), encoding="utf-8")
    folder = PACKAGE / "src" / "sonset" / "_native"
    shutil.rmtree(folder, ignore_errors=True)
    if not sys.platform.startswith("linux"):
        return
    build = ["cargo", "build", "--release", "--locked", "-p", "sonset-devices"]
    subprocess.run([*build, "--manifest-path", str(root / "Cargo.toml")], check=True)
    folder.mkdir()
    shutil.copy(target_folder(root) / "release" / DEVICES, folder / DEVICES)
    if shutil.which("strip"):
        subprocess.run(["strip", "--strip-unneeded", str(folder / DEVICES)], check=True)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    prepare()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    return maturin.build_sdist(sdist_directory, config_settings)


get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
