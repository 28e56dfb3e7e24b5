import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from microcalc.plan import code_digest


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Leave no module of another package behind among those that are remembered."""
    yield
    code_digest.code_digest.cache_clear()
    code_digest._imported_modules.cache_clear()


def test_the_code_digest_follows_imports_of_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "microcalc"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "room" / "__init__.py").write_text("")
    (package / "room" / "outer.py").write_text("from microcalc.room import inner\n")
    (package / "room" / "inner.py").write_text("value = 1\n")
    (package / "room" / "unrelated.py").write_text("value = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from microcalc.room.outer import inner\n")
    monkeypatch.setattr(code_digest, "PACKAGE_ROOT", tmp_path)

    def digest() -> str:
        code_digest.code_digest.cache_clear()
        return code_digest.code_digest(str(script))

    first = digest()
    (package / "room" / "unrelated.py").write_text("value = 2\n")
    assert digest() == first
    (package / "room" / "inner.py").write_text("value = 2\n")
    assert digest() != first


def test_another_look_of_the_figures_redraws_figures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = Path(__file__).parents[3] / "workflow"
    shutil.copytree(workflow / "src" / "microcalc", tmp_path / "microcalc")
    monkeypatch.setattr(code_digest, "PACKAGE_ROOT", tmp_path)
    scripts = sorted((workflow / "scripts").glob("*.py"))

    def digests() -> list[str]:
        code_digest.code_digest.cache_clear()
        return [code_digest.code_digest(str(script)) for script in scripts]

    before = digests()
    with open(tmp_path / "microcalc" / "figures" / "style.py", "a") as style:
        style.write("COLUMN_MM = 84.0\n")
    pairs = zip(scripts, before, digests(), strict=True)
    changed = {script.stem for script, old, new in pairs if old != new}
    drawing = {script.stem for script in scripts if script.stem.startswith("draw_")}
    # contact sheets are images with labels, and take no more of a figure than its colors
    assert changed == drawing - {"draw_gallery"}


def test_folder_digest_sees_text_name_and_depth(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    digests = []
    for name, text in (("a/x", "1"), ("a/x", "2"), ("y", "2")):
        (tmp_path / name).write_text(text)
        code_digest.folder_digest.cache_clear()
        digests.append(code_digest.folder_digest(str(tmp_path)))
    assert len(set(digests)) == 3
