"""The language server, asked by a client of the protocol over its standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

BAD = """\
typedef unsigned long pte_t;

int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	asm volatile("dsb ishst" ::: "memory");
	/* 漢字 */ return *va;
}

void alone(void)
{
	asm volatile("isb" ::: "memory");
}
"""
GOOD = BAD.replace('ishst"', 'ishst; isb"')
pytestmark = pytest.mark.filterwarnings("default")


@pytest_lsp.fixture(
    config=ClientServerConfig(
        server_command=[sys.executable, "-m", "barrierlint", "server", "--target", "aarch64-linux-gnu"],
        client_factory=make_test_lsp_client,
    )
)
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    params = types.InitializeParams(capabilities=client_capabilities("visual-studio-code"))
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "a b.c"
    found.write_text(BAD, encoding="utf-8")
    return found


def open_file(client: LanguageClient, file: Path) -> str:
    uri = file.as_uri()
    item = types.TextDocumentItem(uri, types.LanguageKind.C, 1, file.read_text(encoding="utf-8"))
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return uri


def save(client: LanguageClient, uri: str) -> None:
    client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))


async def told(
    client: LanguageClient, uri: str, wanted: Callable[[list[types.Diagnostic]], bool] = bool
) -> list[types.Diagnostic]:
    """Diagnostics of a file, once there are such as are wanted."""
    for _ in range(600):
        found = list(client.diagnostics.get(uri, []))
        if uri in client.diagnostics and wanted(found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no such diagnostics: {client.diagnostics}")


@pytest.mark.asyncio
async def test_findings_come_and_go(client: LanguageClient, file: Path) -> None:
    uri = open_file(client, file)
    (found,) = await told(client, uri)
    assert (found.code, found.source, found.severity) == ("BL002", "barrierlint", types.DiagnosticSeverity.Warning)
    line = BAD.splitlines()[6]
    assert found.range.start == types.Position(6, line.index("*va"))  # in UTF-16 units, not in bytes
    assert "simulation: confirmed" in found.message
    related = found.related_information or []
    assert [each.message.split(":")[0] for each in related] == ["1. write", "2. barrier", "3. access"]
    assert {each.location.uri for each in related} == {uri}
    file.write_text(GOOD, encoding="utf-8")
    save(client, uri)
    await told(client, uri, lambda each: each == [])
    file.write_text(BAD, encoding="utf-8")
    save(client, uri)
    await told(client, uri)
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    await told(client, uri, lambda each: each == [])


@pytest.mark.asyncio
async def test_a_finding_can_be_suppressed_and_repaired(client: LanguageClient, file: Path) -> None:
    uri = open_file(client, file)
    found = await told(client, uri)
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri), found[0].range, types.CodeActionContext(diagnostics=found)
    )
    offered = await client.text_document_code_action_async(params) or []
    actions = [action for action in offered if isinstance(action, types.CodeAction)]
    assert any("suppress BL002" in action.title for action in actions)
    for action in actions:
        file.write_text(applied(BAD, action, uri), encoding="utf-8")
        save(client, uri)
        left = await told(client, uri, lambda each: each == [])
        assert left == []
        file.write_text(BAD, encoding="utf-8")
        save(client, uri)
        await told(client, uri)


def applied(text: str, action: types.CodeAction, uri: str) -> str:
    """The text with a code action's edits, last first."""
    assert action.edit is not None
    lines = text.splitlines(keepends=True)

    def offset(at: types.Position) -> int:
        units = lines[at.line].encode("utf-16-le")[: at.character * 2] if at.line < len(lines) else b""
        return sum(map(len, lines[: at.line])) + len(units.decode("utf-16-le"))

    edits = (action.edit.changes or {})[uri]
    for edit in sorted(edits, key=lambda each: offset(each.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (5, "**Dsb ishst**\n- completes `DescriptorWrite"),
        (11, "No write to a descriptor"),
        (4, None),
    ],
)
async def test_a_barrier_says_what_it_does(client: LanguageClient, file: Path, line: int, said: str | None) -> None:
    uri = open_file(client, file)
    await told(client, uri)
    hovered = await client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, 4))
    )
    assert (hovered is None) == (said is None)
    if hovered is not None and said is not None:
        assert isinstance(hovered.contents, types.MarkupContent)
        assert said in hovered.contents.value


@pytest.mark.asyncio
async def test_what_cannot_be_analysed_is_told(client: LanguageClient, file: Path) -> None:
    file.write_bytes(b"\x7fELF\0\0")
    uri = file.as_uri()
    item = types.TextDocumentItem(uri, types.LanguageKind.C, 1, "")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    (found,) = await told(client, uri)
    assert found.message.startswith("not analysed: ")
