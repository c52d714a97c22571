"""The cheapest set of places that every path passes: a minimum vertex cut, by maximum flow over the paths' places.

The capacities carry the preferences; equal cuts are told apart by the places' order. What it does not model: that a
place may serve a path only in company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import networkx as nx

Vertex = TypeVar("Vertex")


def cheapest(chains: Sequence[Sequence[Vertex]], costs: Mapping[Vertex, int]) -> frozenset[Vertex]:
    """The vertices of least total cost of which every chain (from the source to the sink) has one.

    Chains without vertices cannot be cut and are left out. Of several cheapest sets the one nearest to the sink is
    taken, then the one whose vertices come first in `costs`.
    """
    ranks = {vertex: rank for rank, vertex in enumerate(costs)}
    scale = 1 << max(len(ranks), 1).bit_length() * 2
    graph = nx.DiGraph()
    for chain in chains:
        outer: object = "source"
        for vertex in chain:
            graph.add_edge((vertex, "in"), (vertex, "out"), capacity=costs[vertex] * scale + ranks[vertex])
            graph.add_edge(outer, (vertex, "in"))
            outer = (vertex, "out")
        if chain:
            graph.add_edge(outer, "sink")
    if "sink" not in graph:
        return frozenset()
    _, (near, _far) = nx.minimum_cut(graph, "source", "sink")
    return frozenset(v for v in ranks if (v, "in") in near and (v, "out") in graph and (v, "out") not in near)
