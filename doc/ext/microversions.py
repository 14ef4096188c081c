# SPDX-License-Identifier: Apache-2.0
"""Sphinx extension: ``.. microversions::`` lists what each version brought.

Its argument is the service type of an API, whose table in
allocator.api.versions says most of it. The directive's content, a list of
fields by version, adds what a table cannot say::

    .. microversions:: baremetal

       :1.91: A name may end in ``.json``.
"""

import re

from docutils import nodes
from docutils import statemachine
import history
from sphinx.util import docutils
from sphinx.util.nodes import nested_parse_with_titles

from allocator.api.versions import baremetal
from allocator.api.versions import own

APIS = {api.service_type: api for api in (baremetal.API, own.API)}

NOTE = re.compile(r':1\.(\d+): (.*)')


class Microversions(docutils.SphinxDirective):
    """Makes a section for each version."""

    has_content = True
    required_arguments = 1

    def run(self):
        found = history.history(APIS[self.arguments[0]])
        for minor, sentence in self._notes():
            found.setdefault(minor, []).append(sentence)
        text = []
        for minor in sorted(found):
            title = '1.%d' % minor
            text += [title, '-' * len(title), '']
            text += ['* ' + sentence for sentence in found[minor]]
            text.append('')
        container = nodes.Element()
        nested_parse_with_titles(
            self.state, statemachine.StringList(text, 'microversions'),
            container)
        return container.children

    def _notes(self):
        joined = re.sub(r'\n +', ' ', '\n'.join(self.content))
        for line in joined.splitlines():
            match = NOTE.match(line)
            if match:
                yield int(match.group(1)), match.group(2)


def setup(app):
    app.add_directive('microversions', Microversions)
    return {'parallel_read_safe': True}
