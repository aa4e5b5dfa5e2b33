"""Local projects to install, with a build backend of their own."""

from __future__ import annotations

from pathlib import Path

# A build backend (PEP 517, PEP 660) in the project itself: nothing to download, whatever the index.
BACKEND = """
import os, zipfile

CONTENT = "X = 1\\n"

def _write(folder, name, version, editable):
    stem = f"{name}-{version}"
    path = os.path.join(folder, f"{stem}-py3-none-any.whl")
    info = f"{stem}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[f"{name}.pth" if editable else f"{name}.py"] = os.getcwd() + "\\n" if editable else CONTENT
    rows = "".join(f"{file},,\\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": rows}.items():
            archive.writestr(file, text)
    return os.path.basename(path)

def _metadata(folder, config=None):
    info = os.path.join(folder, "NAME-0.1.dist-info")
    os.makedirs(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: NAME\\nVersion: 0.1\\n")
    return "NAME-0.1.dist-info"

prepare_metadata_for_build_wheel = prepare_metadata_for_build_editable = _metadata

def build_wheel(folder, config=None, metadata=None):
    BUILD
    return _write(folder, "NAME", "0.1", False)

def build_editable(folder, config=None, metadata=None):
    return _write(folder, "NAME", "0.1", True)
"""


def project(folder: Path, name: str = "proj", build: str = "pass") -> Path:
    """Write a project that builds itself.

    Args:
        folder: Where; made.
        name: Its name and its module's.
        build: A line of Python that runs when a wheel is built; CONTENT is what the module will hold.
    """
    folder.mkdir(parents=True)
    (folder / "backend.py").write_text(BACKEND.replace("NAME", name).replace("BUILD", build))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / f"{name}.py").write_text("X = 1\n")
    return folder
