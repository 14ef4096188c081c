# SPDX-License-Identifier: Apache-2.0
"""Sphinx extension: diagrams by Graphviz, some of them drawn from the code.

Without Graphviz installed the documentation still builds; it shows the
diagrams as their source then.
"""

import shutil

from docutils import nodes
import schema
from sphinx.ext import graphviz
from sphinx.util import docutils
import writes


class SchemaDiagram(docutils.SphinxDirective):
    """``.. schema-diagram::`` draws the tables of allocator.db.models."""

    def run(self):
        node = graphviz.graphviz(
            code=schema.draw(), options={'docname': self.env.docname},
            alt='The tables, their columns and foreign keys')
        return [node]


class WritesDiagram(docutils.SphinxDirective):
    """``.. writes-diagram::`` draws allocator.db.backend_writes.ENDS."""

    def run(self):
        node = graphviz.graphviz(
            code=writes.draw(), options={'docname': self.env.docname},
            alt='What can be wanted at a backend, and how each ends')
        return [node]


def _show_sources(app, doctree):
    for node in list(doctree.findall(graphviz.graphviz)):
        listing = nodes.literal_block(node['code'], node['code'])
        listing['language'] = 'text'
        node.replace_self(listing)


def setup(app):
    app.setup_extension('sphinx.ext.graphviz')
    app.add_directive('schema-diagram', SchemaDiagram)
    app.add_directive('writes-diagram', WritesDiagram)
    if not shutil.which('dot'):
        app.connect('doctree-read', _show_sources)
    return {'parallel_read_safe': True}
