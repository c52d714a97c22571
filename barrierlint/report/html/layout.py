"""Where the blocks of a drawn graph go: layers from the entry down, blocks of a layer ordered so that few edges cross.

The scheme is Sugiyama's: back edges reversed, longest-path layers, a stand-in in each layer that an edge passes,
barycentre sweeps. What it does not do: straighten edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import mean

from barrierlint.finding import FunctionGraph
from barrierlint.frozen import dataclass

CHARACTER, LINE, PADDING = 7.3, 16, 8
"""Width and height of a character of a block's text, and the room around it, in pixels."""
GAP_X, GAP_Y = 28, 40
SWEEPS = 6
NOWHERE = -1
"""No block has this id; stand-ins have lower ones."""


@dataclass(frozen=True, slots=True)
class Box:
    """A block's place: left, top, width and height in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """The places of a graph's blocks by id, of the stand-ins that an edge passes by its ends, and the size of all."""

    boxes: Mapping[int, Box]
    routes: Mapping[tuple[int, int], tuple[Box, ...]]
    width: int
    height: int


def layout(graph: FunctionGraph) -> Drawing:
    """Place the blocks of `graph`."""
    order = [node.id for node in graph.nodes]
    down = _forward(order, [(edge.source, edge.target) for edge in graph.edges])
    layers = _layers(order, down)
    routes = _stand_ins(layers, down)
    sizes = {node.id: _size(node.lines) for node in graph.nodes}
    boxes = _placed(_ordered(layers, _linked(down, routes)), sizes)
    wide = max((box.x + box.width for box in boxes.values()), default=0)
    high = max((box.y + box.height for box in boxes.values()), default=0)
    passed = {edge: tuple(boxes[node] for node in nodes) for edge, nodes in routes.items()}
    return Drawing(boxes, passed, wide + GAP_X, high + PADDING)


def _placed(layers: Sequence[Sequence[int]], sizes: Mapping[int, tuple[int, int]]) -> dict[int, Box]:
    """Boxes layer by layer, each layer centred; a stand-in is as high as its layer and has no width."""
    wide = max((sum(sizes.get(n, (0, 0))[0] + GAP_X for n in layer) for layer in layers), default=0)
    boxes: dict[int, Box] = {}
    y = PADDING
    for layer in layers:
        high = max(sizes[n][1] for n in layer if n in sizes)
        x = PADDING + (wide - sum(sizes.get(n, (0, 0))[0] + GAP_X for n in layer)) // 2
        for node in layer:
            size = sizes.get(node, (0, high))
            boxes[node] = Box(x, y, *size)
            x += size[0] + GAP_X
        y += high + GAP_Y
    return boxes


def _stand_ins(layers: list[list[int]], down: Mapping[int, list[int]]) -> dict[tuple[int, int], list[int]]:
    """For each edge that passes layers, a stand-in in each of them (added to `layers`)."""
    rank = {node: at for at, layer in enumerate(layers) for node in layer}
    routes: dict[tuple[int, int], list[int]] = {}
    free = NOWHERE
    for source, targets in down.items():
        for target in dict.fromkeys(targets):
            for at in range(rank[source] + 1, rank[target]):
                free -= 1
                layers[at].append(free)
                routes.setdefault((source, target), []).append(free)
    return routes


def _linked(down: Mapping[int, list[int]], routes: Mapping[tuple[int, int], list[int]]) -> dict[int, list[int]]:
    """The edges from layer to layer, through stand-ins."""
    links: dict[int, list[int]] = {node: [] for node in down}
    for source, targets in down.items():
        for target in dict.fromkeys(targets):
            for one, next in pairwise([source, *routes.get((source, target), ()), target]):
                links.setdefault(one, []).append(next)
                links.setdefault(next, [])
    return links


def _size(lines: Sequence[str]) -> tuple[int, int]:
    return int(max(map(len, lines)) * CHARACTER) + 2 * PADDING, len(lines) * LINE + 2 * PADDING


def _forward(order: Sequence[int], edges: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """The edges without those that close a cycle in a depth-first search from the first block on."""
    out: dict[int, list[int]] = {node: [] for node in order}
    for source, target in edges:
        if source in out and target in out and target != source:
            out[source].append(target)
    kept: dict[int, list[int]] = {node: [] for node in order}
    state = dict.fromkeys(order, 0)
    for root in order:
        stack = [(root, iter(out[root]))] if state[root] == 0 else []
        state[root] = state[root] or 1
        while stack:
            node, targets = stack[-1]
            target = next(targets, NOWHERE)
            if target == NOWHERE:
                state[node] = 2
                stack.pop()
            elif state[target] != 1:
                kept[node].append(target)
                if state[target] == 0:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
    return kept


def _layers(order: Sequence[int], down: Mapping[int, list[int]]) -> list[list[int]]:
    """Longest-path layers: each block below all that lead to it."""
    rank = dict.fromkeys(order, 0)
    for _ in order:
        changed = False
        for source in order:
            for target in down[source]:
                if rank[target] <= rank[source]:
                    rank[target], changed = rank[source] + 1, True
        if not changed:
            break
    layers: list[list[int]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in order:
        layers[rank[node]].append(node)
    return [layer for layer in layers if layer]


def _ordered(layers: list[list[int]], down: Mapping[int, list[int]]) -> list[list[int]]:
    """Order each layer by the mean place of its neighbours, downwards and upwards in turn."""
    up: dict[int, list[int]] = {node: [] for layer in layers for node in layer}
    for source, targets in down.items():
        for target in targets:
            up[target].append(source)
    for sweep in range(SWEEPS):
        near = up if sweep % 2 == 0 else down
        place = {node: at / max(len(layer), 1) for layer in layers for at, node in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            layer.sort(key=lambda node: mean([place[n] for n in near[node]] or [place[node]]))
            place.update({node: at / len(layer) for at, node in enumerate(layer)})
    return layers
