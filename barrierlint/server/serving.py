"""The protocol's side of the server: requests and notifications in, diagnostics out, over standard input and output.

A failed analysis is a message to the user, never the end of the server. What it does not do: watch files that no
editor has opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from barrierlint import __version__
from barrierlint.finding import Finding
from barrierlint.pipeline import Options, all_rules
from barrierlint.report.lines import printable
from barrierlint.server import diagnostics
from barrierlint.server.analysis import Analyses
from barrierlint.server.hover import markdown


class Server(LanguageServer):
    """A language server whose analyses run one at a time."""

    def __init__(self, options_for: Callable[[str], Options]) -> None:
        super().__init__("barrierlint", __version__)
        self.analyses = Analyses(options_for)
        self.turn = asyncio.Lock()
        self.asked: dict[str, int] = {}
        self.told: dict[str, dict[str, list[types.Diagnostic]]] = {}
        self.rules = {info.id: info for info in all_rules()}

    def query(self, given: object) -> None:
        """Let compilers be asked that the editor's `initializationOptions.queryDriver` allows: a glob, or several."""
        globs = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        allowed = tuple(one for glob in globs if isinstance(glob, str) for one in glob.split(",") if one)
        options_for = self.analyses.options_for

        def with_drivers(path: str) -> Options:
            options = options_for(path)
            asked = replace(options.request, query_driver=(*options.request.query_driver, *allowed))
            return replace(options, request=asked)

        if allowed:
            self.analyses.options_for = with_drivers

    async def renew(self, uri: str) -> None:
        """Analyse a file and publish what was found; of several requests for one file the last is carried out."""
        path = to_fs_path(uri)
        if path is None or not Path(path).is_file():
            return
        self.asked[path] = number = self.asked.get(path, 0) + 1
        async with self.turn:
            if self.asked[path] != number:
                return
            try:
                analysis = await asyncio.to_thread(self.analyses.renew, path)
            except Exception as error:  # whatever it is, the editor goes on
                text = f"barrierlint: {printable(str(error))}"
                self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text))
                return
        found: dict[str, list[types.Diagnostic]] = {uri: []}
        for finding in analysis.report.findings:
            place = diagnostics.uri_of(finding.span.path)
            found.setdefault(uri if _same(place, uri) else place, []).append(
                diagnostics.diagnostic(finding, self.rules)
            )
        found[uri] += [diagnostics.loss(note, path) for note in analysis.report.notifications if note.lost]
        self._publish(uri, found)

    def _publish(self, uri: str, found: dict[str, list[types.Diagnostic]]) -> None:
        """Publish for every file that has, or had, diagnostics from the analysis of `uri`."""
        touched = {*found, *self.told.get(uri, {})}
        self.told[uri] = found
        for place in sorted(touched):
            every = [each for analysed in self.told.values() for each in analysed.get(place, [])]
            unique = {str(each.data or (each.message, each.range)): each for each in every}
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(place, list(unique.values())))

    def finding(self, fingerprint: str) -> Finding | None:
        """A finding of the last analyses."""
        for analysis in self.analyses.known.values():
            for each in analysis.report.findings:
                if each.fingerprint == fingerprint:
                    return each
        return None

    def forget(self, uri: str) -> None:
        """A file was closed: what was told of it is taken back."""
        self.analyses.known.pop(to_fs_path(uri) or "", None)
        self._publish(uri, {})
        self.told.pop(uri, None)


def _same(one: str, other: str) -> bool:
    first, second = to_fs_path(one), to_fs_path(other)
    return first is not None and second is not None and Path(first).resolve() == Path(second).resolve()


def server(options_for: Callable[[str], Options]) -> Server:
    """A server that analyses a file under `options_for(path)`."""
    made = Server(options_for)

    @made.feature(types.INITIALIZE)
    def initialized(params: types.InitializeParams) -> None:
        given = params.initialization_options
        made.query(given.get("queryDriver") if isinstance(given, dict) else None)

    @made.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        await made.renew(params.text_document.uri)

    @made.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        await made.renew(params.text_document.uri)

    @made.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        made.forget(params.text_document.uri)

    @made.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    def act(params: types.CodeActionParams) -> list[types.CodeAction]:
        found: list[types.CodeAction] = []
        for given in params.context.diagnostics:
            finding = made.finding(given.data["fingerprint"]) if isinstance(given.data, dict) else None
            if finding is not None:
                found += diagnostics.actions(finding, given)
        return found

    @made.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        path = to_fs_path(params.text_document.uri)
        if path is None:
            return None
        async with made.turn:
            text = await asyncio.to_thread(_said, made.analyses, path, params.position.line + 1)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None

    return made


def _said(analyses: Analyses, path: str, line: int) -> str:
    try:
        analysis = analyses.of(path)
        found = analysis.barriers_at(path, line)
    except Exception as error:  # a hover that cannot be answered says why
        return f"barrierlint: {printable(str(error))}"
    programs = [each.program for each in analysis.barriers or ()]
    return markdown(found, programs)


def serve(options_for: Callable[[str], Options]) -> None:
    """Serve one client over standard input and output until it leaves."""
    server(options_for).start_io()
