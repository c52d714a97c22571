from __future__ import annotations

from pathlib import Path

from barrierlint.cfg.assembly import Assembled, assemble
from barrierlint.cfg.graph import Cfg
from barrierlint.events import Assign, mnemonic
from barrierlint.source.assembly import read_assembly


def assembled(text: str, *arguments: str, suffix: str = ".S", **headers: str) -> Assembled:
    """What a file with `text` lowers to; `headers` are files beside it, `_` standing for the dot in their names."""
    main = f"/nowhere/test{suffix}"
    files = {f"/nowhere/{name.replace('_', '.')}": content for name, content in headers.items()}
    return assemble(read_assembly(Path(main), arguments, unsaved={main: text, **files}))


def function(text: str, name: str, *arguments: str) -> Cfg:
    """The graph of one function of `text`."""
    return next(cfg for cfg in assembled(text, *arguments).functions if cfg.name == name)


def events(cfg: Cfg) -> list[str]:
    """The events of a graph in order of its blocks, assignments left out."""
    return [mnemonic(step.event) for step in cfg.steps() if not isinstance(step.event, Assign)]


def names(found: Assembled) -> list[str]:
    return [cfg.name for cfg in found.functions]
