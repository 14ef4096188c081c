# SPDX-License-Identifier: Apache-2.0
"""Draws the states of what is wanted at a backend, from the code's table."""

from allocator.db import backend_writes

_HEADER = """digraph writes {
    graph [rankdir=LR, nodesep=0.35, ranksep=1.1, fontname="sans-serif"];
    node [shape=box, style="rounded,filled", fillcolor="#f4f7fa",
          fontname="sans-serif", fontsize=10];
    edge [fontname="sans-serif", fontsize=9];
    nothing [label="", shape=point, width=0.12];
"""

# What makes each of them wanted.
_BEGIN = {
    backend_writes.CLAIM: 'a node is claimed here',
    backend_writes.RELEASE: 'an active allocation\\nis deleted here',
    backend_writes.BACKFILL: 'POST for a\\ndeployed node',
}

# What is open and becomes something else.
_TURNS = ((backend_writes.CLAIM, backend_writes.RELEASE,
           'deleted here, or it is\\ngiven another node'),)


def draw():
    """Draw each thing that can be wanted, and how it can end.

    :returns: source for Graphviz's dot
    """
    parts = [_HEADER]
    for wanted, ends in backend_writes.ENDS.items():
        parts.append('    %s [label="%s\\nopen"];\n' % (wanted, wanted))
        parts.append(_edge('nothing', wanted, _BEGIN[wanted]))
        # Asked again by UUID until the backend has answered.
        parts.append(_edge(wanted, wanted, 'no certain answer'))
        for outcome, meaning in ends.items():
            name = '%s_%s' % (wanted, outcome)
            parts.append('    %s [label="%s\\nthe allocation %s", '
                         'fillcolor="#dde7f0"];\n' % (
                             name, outcome, meaning.replace(', ', ',\\n')))
            parts.append(_edge(wanted, name, ''))
    parts += [_edge(*turn) for turn in _TURNS]
    return ''.join([*parts, '}\n'])


def _edge(begin, end, label):
    return '    %s -> %s [label="%s"];\n' % (begin, end, label)
