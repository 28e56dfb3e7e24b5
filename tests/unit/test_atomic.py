"""Every file appears whole: the package writes nothing but under a temporary name."""

import ast
from collections.abc import Iterator

from tests.unit.test_house import PACKAGE, SCRIPTS

WRITERS = {
    *("write_text", "write_bytes", "to_csv", "to_parquet", "to_excel", "to_pickle", "to_hdf"),
    *("savez", "savez_compressed", "savetxt", "tofile", "savefig", "save_file", "save_model"),
    *("save_as", "dcmwrite", "imwrite", "imsave", "WriteImage", "copyfile", "copy2", "copytree"),
    *("download_url_to_file", "FileHandler"),
}
# Names that texts, tables and arrays have too: a module of files must stand before them.
SHARED = {"copy", "replace", "rename", "move", "save", "dump", "write_table"}
FILE_MODULES = {"np", "shutil", "os", "torch", "json", "pickle", "yaml", "pq", "parquet"}
OPENERS = {"open", "ZipFile", "TarFile", "GzipFile"}
SHELTERS = {
    "atomic_path",
    "atomic_file",
    "TemporaryDirectory",
    "TemporaryFile",
    "NamedTemporaryFile",
}

# (module, call): why it may stand outside.
EXPLAINED = {
    ("core/files.py", "replace"): "the helper's own rename",
    ("features/fetch.py", "download_url_to_file"): "torch renames it once its hash is right",
    ("images/decoders.py", "save_as"): "a file for the decoding process, in memory",
    ("images/shard_file.py", "open"): "a member of an archive that has its temporary name",
    ("core/logs.py", "FileHandler"): "a log grows line by line",
    ("core/run_lock.py", "open"): "it is there to be locked, and holds one word",
    ("simulate/phantom_dicom.py", "save_as"): "a file in memory",
    ("plan/plain_path.py", "replace"): "a link gets its name when it leads somewhere",
}


def calls(node: ast.AST, sheltered: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Yield each call, and whether it stands in a `with` that gives a temporary name."""
    if isinstance(node, ast.Call):
        yield node, sheltered
    if isinstance(node, ast.With):
        given = [n for item in node.items for n in ast.walk(item) if isinstance(n, ast.Call)]
        sheltered = sheltered or bool({name_of(call) for call in given} & SHELTERS)
    for child in ast.iter_child_nodes(node):
        yield from calls(child, sheltered)


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def writes(call: ast.Call) -> bool:
    name = name_of(call)
    if name in OPENERS:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        modes = [str(a.value) for a in given if isinstance(a, ast.Constant)]
        return any(len(mode) <= 3 and set(mode) & set("wax+") for mode in modes)
    if name in SHARED:
        return getattr(getattr(call.func, "value", None), "id", "") in FILE_MODULES
    return name in WRITERS and isinstance(call.func, ast.Attribute)


def unsheltered(source: str) -> set[str]:
    return {name_of(call) for call, safe in calls(ast.parse(source)) if writes(call) and not safe}


def test_nothing_writes_but_under_a_temporary_name() -> None:
    found = {
        (path.relative_to(PACKAGE).as_posix() if PACKAGE in path.parents else path.name, name)
        for path in (*PACKAGE.rglob("*.py"), *SCRIPTS)
        for name in unsheltered(path.read_text())
    }
    assert found == EXPLAINED.keys()


def test_a_plain_write_would_be_found() -> None:
    assert unsheltered("table.to_csv(path)") == {"to_csv"}
    assert unsheltered("with open(path, 'wb') as file:\n    file.write(data)") == {"open"}
    assert unsheltered("with atomic_path(path) as name:\n    np.savez(name)") == set()
    assert unsheltered("text.replace('a', 'b')\nopen(path, 'rb')") == set()
