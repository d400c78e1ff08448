"""Builds the package: maturin, given what it cannot find out by itself.

maturin compiles the library and makes cffi's bindings from ``header.h`` in cargo's target folder. This backend writes
that file from ``include/sonset.h``, the one place where the C interface is declared, and puts two files beside the
library: the device library, which on Linux is one of its own that is opened on first use, and the licences of all that
is compiled in.
"""

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
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
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif[^\n]*\n", "", header, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M).replace("SONSET_API", "")
    return "".join(f"#define {name} {value}\n" for name, value in versions) + text


def cargo_metadata(root, *options):
    command = ["cargo", "metadata", "--format-version=1", "--manifest-path", str(root / "Cargo.toml"), *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def licences(metadata):
    """The licences of all crates that the two libraries contain, with the texts that come with them."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [key for key, package in packages.items() if package["name"] in ("sonset", "sonset-devices")]
    found = set()
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += [
                dep["pkg"] for dep in nodes[key]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])
            ]
    parts = ["sonset contains the following works.\n"]
    texts = {}
    for package in sorted((packages[key] for key in found), key=lambda package: package["name"]):
        if package["name"].startswith("sonset"):
            continue
        parts.append(f"{package['name']} {package['version']}: {package['license']}, {package['repository']}\n")
        for path in sorted(Path(package["manifest_path"]).parent.glob("[LN][IO][CT][EI]*")):
            if path.is_file():
                texts.setdefault(path.read_text(encoding="utf-8", errors="replace"), []).append(package["name"])
    for text, names in texts.items():
        parts.append(f"\n{'=' * 80}\n{', '.join(sorted(set(names)))}\n{'=' * 80}\n\n{text}")
    return "".join(parts)


def prepare():
    """Writes the declarations for cffi and the licences, and builds the device library."""
    root = workspace()
    version = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    metadata = cargo_metadata(root, "--filter-platform", re.search(r"^host: (.*)$", version, re.M).group(1))
    target = Path(metadata["target_directory"])
    target.mkdir(parents=True, exist_ok=True)
    header = (root / "include" / "sonset.h").read_text(encoding="utf-8")
    (target / "header.h").write_text(declarations(header), encoding="utf-8")
    folder = PACKAGE / "src" / "sonset" / "_native"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "LICENSES.txt").write_text(licences(metadata), encoding="utf-8")
    if not sys.platform.startswith("linux"):
        return
    build = ["cargo", "build", "--release", "-p", "sonset-devices"]
    subprocess.run([*build, "--manifest-path", str(root / "Cargo.toml")], check=True)
    shutil.copy(target / "release" / DEVICES, folder / DEVICES)
    if shutil.which("strip"):
        subprocess.run(["strip", "--strip-unneeded", str(folder / DEVICES)], check=True)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    prepare()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    name = maturin.build_sdist(sdist_directory, config_settings)
    move_settings(Path(sdist_directory) / name)
    return name


def move_settings(sdist):
    """Lets the settings at the top of an sdist, where maturin puts them, find the package that stays in its folder."""
    here = PACKAGE.relative_to(workspace()).as_posix()
    moved = {
        'backend-path = ["packaging"]': f'backend-path = ["{here}/packaging"]',
        'readme = "README.md"': f'readme = "{here}/README.md"',
        'manifest-path = "../../Cargo.toml"': 'manifest-path = "Cargo.toml"',
        'python-source = "src"': f'python-source = "{here}/src"',
        'path = "src/': f'path = "{here}/src/',
    }
    settings = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    for old, new in moved.items():
        if settings.count(old) != 1:
            raise SystemExit(f"pyproject.toml says {old!r} {settings.count(old)} times")
        settings = settings.replace(old, new)
    with tarfile.open(sdist) as archive:
        members = [(member, archive.extractfile(member)) for member in archive.getmembers()]
        contents = [(member, file.read() if file else None) for member, file in members]
    with tarfile.open(sdist, "w:gz") as archive:
        for member, content in contents:
            if member.name.count("/") == 1 and member.name.endswith("/pyproject.toml"):
                content = settings.encode("utf-8")
                member.size = len(content)
            archive.addfile(member, None if content is None else io.BytesIO(content))


get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
