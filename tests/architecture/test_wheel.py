"""The built wheel holds every package at its top level, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = (
    "shared",
    "services/api",
    "services/puller",
    "services/converter",
    "services/shipper",
    "cli",
)


def test_wheel_holds_every_module_under_its_import_name(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {each for each in zipfile.ZipFile(wheel).namelist() if each.endswith(".py")}

    modules = {
        str(path.relative_to(ROOT / source_root))
        for source_root in SOURCE_ROOTS
        for path in (ROOT / source_root).glob("imagegw*/**/*.py")
    }

    assert packed == modules
