"""The editor's `initializationOptions.queryDriver` allows compilers to be asked; without it none of the tree is run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

pytestmark = pytest.mark.filterwarnings("default")
DRIVER = """\
#!/bin/sh
echo "$@" >> {log}
cat >&2 <<END
Target: aarch64-unknown-elf
#include <...> search starts here:
 {folder}
End of search list.
END
"""
SOURCE = """\
#include <board.h>
typedef unsigned long pte_t;
int map(pte_t *p, volatile int *va) { *(volatile pte_t *)p = BOARD; return *va; }
"""


@pytest_lsp.fixture(
    config=ClientServerConfig(
        server_command=[sys.executable, "-m", "barrierlint", "server", "--no-cache"],
        client_factory=make_test_lsp_client,
    )
)
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file whose header only its compiler knows, and the compiler, which leaves a trace."""
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/board.h").write_text("#define BOARD 0x713\n")
    driver = tmp_path / "cross-gcc"
    driver.write_text(DRIVER.format(log=tmp_path / "log", folder=tmp_path / "sys"))
    driver.chmod(0o755)
    (tmp_path / "m.c").write_text(SOURCE)
    entry = {"directory": str(tmp_path), "file": "m.c", "arguments": [str(driver), "-c", "m.c"]}
    (tmp_path / "compile_commands.json").write_text(json.dumps([entry]))
    return tmp_path


async def diagnosed(client: LanguageClient, tree: Path, given: object) -> list[types.Diagnostic]:
    """What is told of the file after a session began with `given` for queryDriver."""
    options = None if given is None else {"queryDriver": given}
    params = types.InitializeParams(
        capabilities=client_capabilities("visual-studio-code"), initialization_options=options
    )
    await client.initialize_session(params)
    uri = (tree / "m.c").as_uri()
    item = types.TextDocumentItem(uri, types.LanguageKind.C, 1, SOURCE)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    for _ in range(600):
        if uri in client.diagnostics:
            return list(client.diagnostics[uri])
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was told")


@pytest.mark.asyncio
@pytest.mark.parametrize("allowed", ["{tree}/*", "/usr/bin/*,{tree}/cross-gcc", ["/nowhere/*", "{tree}/*"]])
async def test_a_compiler_that_is_allowed_is_asked(
    client: LanguageClient, tree: Path, allowed: str | list[str]
) -> None:
    real = tree.resolve()
    given = allowed.format(tree=real) if isinstance(allowed, str) else [one.format(tree=real) for one in allowed]
    found = await diagnosed(client, tree, given)
    assert [one.code for one in found] == ["BL001"]
    assert (tree / "log").read_text() == "-E -v -x c /dev/null\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("given", [None, "/usr/bin/*", "", 7, ["", 3], {"a": 1}])
async def test_none_is_run_otherwise(client: LanguageClient, tree: Path, given: object) -> None:
    found = await diagnosed(client, tree, given)
    assert "BL001" not in {one.code for one in found} or any("board.h" in one.message for one in found)
    assert not (tree / "log").exists()
