"""The package as it is installed: what it carries, what it promises, and that the house's contracts can fail."""

from __future__ import annotations

import ast
import tomllib
import zipfile
from pathlib import Path

import pytest

from barrierlint import __version__

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "barrierlint").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the build backend in this process."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


def test_the_wheel_carries_models_headers_and_types(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    wanted = {"barrierlint/py.typed", "barrierlint/models/osv.yaml"}
    headers = (ROOT / "barrierlint" / "source" / "include").rglob("*.h")
    wanted |= {str(path.relative_to(ROOT)) for path in headers}
    assert wanted <= names
    assert not [name for name in names if name.startswith(("tests/", "fixtures/"))]


def test_the_metadata(wheel: zipfile.ZipFile) -> None:
    folder = f"barrierlint-{__version__}.dist-info"
    metadata = wheel.read(f"{folder}/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "barrierlint = barrierlint.__main__:entry" in wheel.read(f"{folder}/entry_points.txt").decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_every_package_is_under_the_contracts() -> None:
    """A stage that no layer names would import what it likes; `exhaustive` sees to top-level names only."""
    layers, *forbidden = PROJECT["tool"]["importlinter"]["contracts"]
    assert layers["exhaustive"] is True
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    present = {
        path.stem
        for path in (ROOT / "barrierlint").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert named == present - {"__init__"}
    for contract in forbidden[1:]:
        others = {name.removeprefix("barrierlint.") for name in contract["source_modules"]}
        assert len(present - {"__init__", "__main__"} - others) == 1, contract["name"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "barrierlint")))
def test_a_module_opens_with_its_contract(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module's docstring says what it does and what it does not model"
    assert path.stem not in {"utils", "helpers", "common", "misc"}


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}]" in text or "## Unreleased" in text
