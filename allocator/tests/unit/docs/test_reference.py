# SPDX-License-Identifier: Apache-2.0
"""The documentation names what there is, and quotes what is said."""

import ast
import configparser
import re

from oslotest import base

from allocator import policies
from allocator.api.versions import baremetal
from allocator.api.versions import own
from allocator.conf import opts
from allocator.db import models
from allocator.tests.unit.api import test_own_errors
from allocator.tests.unit.docs import checkout

APIS = (baremetal.API, own.API)

_NOTE = re.compile(r'^   :1\.(\d+): ', re.MULTILINE)
_QUOTED_TITLE = re.compile(r'^``(.+)``\n-+$', re.MULTILINE)
# Files that people write.
_WRITTEN = ('.inc', '.json', '.py', '.rst', '.sh', '.yaml')
# Parts of a sentence that differ from case to case.
_PART = re.compile(r'<\w+>|%\(\w+\)[sd]|%[sd]')


def read(name):
    """Read a page of the documentation."""
    return (checkout.DOC / name).read_text()


class TestMicroversions(base.BaseTestCase):

    def test_the_history_has_each_version_of_the_table(self):
        for api in APIS:
            expected = set()
            for row in api.resources.values():
                expected.update((row.since, *row.methods.values(),
                                 *row.fields.values(), *row.inputs.values(),
                                 *row.filters.values()))
            self.assertEqual(
                {minor for minor in expected if minor > api.least},
                set(checkout.extension('history').history(api)))

    def test_the_history_names_all_that_a_version_brought(self):
        for api in APIS:
            history = checkout.extension('history').history(api)
            for row in api.resources.values():
                for kind in (row.methods, row.fields, row.inputs,
                             row.filters):
                    for name, minor in kind.items():
                        self.assertIn('``%s``' % name,
                                      ' '.join(history[minor]))

    def test_the_history_shows_both_tables(self):
        page = read('reference/microversions.rst')
        for api in APIS:
            self.assertIn('.. microversions:: %s\n' % api.service_type, page)

    def test_the_history_tells_of_each_behaviour(self):
        """A constant of the table is a change that is no name."""
        expected = {
            value for name, value in vars(baremetal).items()
            if name.isupper() and isinstance(value, int)
            and name not in ('MIN', 'MAX')}
        told = {int(minor) for minor in _NOTE.findall(
            read('reference/microversions.rst'))}
        self.assertEqual(set(), expected.difference(told))
        self.assertLessEqual(max(told), baremetal.MAX)

    def test_only_the_table_says_what_the_newest_version_is(self):
        # A raise of the maximum had 23 files to change.
        brought = {minor for row in baremetal.RESOURCES.values()
                   for kind in (row.methods, row.fields, row.inputs,
                                row.filters) for minor in kind.values()}
        ends = {baremetal.MAX, baremetal.MAX + 1}.difference(brought)
        self.assertTrue(ends)
        said = re.compile(r'(?<![\w.])1\.(%s)(?![\w.]\w)' % '|'.join(
            map(str, ends)))
        for folder in ('allocator', 'api-ref/source', 'devstack',
                       'doc/source', 'tools'):
            for path in (checkout.ROOT / folder).rglob('*'):
                if path.suffix in _WRITTEN:
                    self.assertIsNone(said.search(path.read_text()), path)

    def test_rows_have_a_noun(self):
        history = checkout.extension('history')
        for api in APIS:
            self.assertLessEqual(set(api.resources),
                                 {*history.NOUNS, *history.INPUTS})


class TestErrors(base.BaseTestCase):

    def test_each_code_is_listed_with_its_status(self):
        listed = re.findall(r'^   \* - (\d{3})\n     - ``(\S+)``',
                            (checkout.API_REF / 'own-general.inc').read_text(),
                            re.MULTILINE)
        self.assertEqual(
            sorted({(str(class_.code), class_.error_code)
                    for class_ in test_own_errors.error_classes()
                    if class_.code >= 400}), listed)

    def test_where_clients_are_sent_on_is_told_of_the_api_that_does(self):
        self.assertIn('307', (checkout.API_REF / 'general.inc').read_text())
        self.assertNotIn('307', ''.join(
            path.read_text() for path in checkout.API_REF.glob('own-*.inc')))


class TestConfiguration(base.BaseTestCase):

    def test_options_and_policies_are_generated(self):
        self.assertIn('.. show-options::\n\n   allocator',
                      read('configuration/options.rst'))
        self.assertIn('.. show-policy::', read('configuration/policy.rst'))

    def test_each_option_explains_itself(self):
        for group, options in opts.list_opts():
            for option in options:
                self.assertTrue(option.help, (group, option.name))

    def test_each_policy_explains_itself(self):
        for rule in policies.list_rules():
            self.assertTrue(rule.description, rule.name)
            self.assertTrue(rule.operations, rule.name)

    def test_options_that_pages_name_exist(self):
        known = {(str(group), option.dest.replace('-', '_'))
                 for group, options in opts.list_opts()
                 for option in options}
        own = {group for group, _name in known}.difference({'DEFAULT'})
        named = re.compile(r'``\[(\w+)\]\s+(\w+)')
        for page in checkout.DOC.rglob('*.rst'):
            for group, name in named.findall(page.read_text()):
                if group in own:
                    self.assertIn((group, name), known, page)

    def test_the_generators_know_this_project(self):
        for name in ('allocator-config-generator.conf',
                     'allocator-policy-generator.conf'):
            text = (checkout.ROOT / 'tools' / 'config' / name).read_text()
            self.assertIn('namespace = allocator\n', text)


class TestCommands(base.BaseTestCase):

    def test_each_command_is_described(self):
        setup = configparser.ConfigParser()
        setup.read(checkout.ROOT / 'setup.cfg')
        commands = re.findall(
            r'^(\S+) = ', setup['entry_points']['console_scripts'],
            re.MULTILINE)
        for command in commands:
            self.assertIn('\n%s\n%s\n' % (command, '=' * len(command)),
                          read('cli/index.rst'))

    def test_each_subcommand_of_dbsync_is_described(self):
        source = (checkout.ROOT / 'allocator/cmd/dbsync.py').read_text()
        names = re.findall(r"add_parser\(\s*'(\w+)'", source)
        self.assertTrue(names)
        for name in names:
            self.assertIn('``allocator-dbsync %s' % name,
                          read('cli/index.rst'))


class TestArchitecture(base.BaseTestCase):

    def test_named_files_exist(self):
        for page in ('architecture.rst', 'request.dot', 'api-field.rst'):
            for name in re.findall(r'\b(?:allocator/)?(?:[a-z0-9_]+/)+'
                                   r'[a-z_]+\.py', read(
                                       'contributor/' + page)):
                path = name.removeprefix('allocator/')
                self.assertTrue(
                    (checkout.ROOT / 'allocator' / path).exists(), name)

    def test_tables_that_the_recipe_names_exist(self):
        """Once, filters were looked for in a function that was gone."""
        page = read('contributor/api-field.rst')
        code = '\n'.join(
            (checkout.ROOT / name).read_text() for name in {
                'devstack/lib/allocator', *re.findall(
                    r'allocator/[a-z0-9_/]+\.py', page)})
        tables = set(re.findall(r'``(_?[A-Z]+(?:_[A-Z]+)*)``', page))
        self.assertLessEqual({'_NODE_INPUTS', 'EQUAL', 'FIELDS'}, tables)
        for name in tables.difference({'GET', 'PATCH', 'POST'}):
            self.assertTrue(
                re.search(r'^%s(: .*)?( = |=)' % name, code, re.MULTILINE),
                name)


class TestSchema(base.BaseTestCase):

    def test_the_diagram_shows_each_table_and_column(self):
        drawing = checkout.extension('schema').draw()
        for table in models.Base.metadata.sorted_tables:
            self.assertIn('    %s [label=' % table.name, drawing)
            for column in table.columns:
                self.assertIn('port="%s"' % column.name, drawing)
            for key in table.foreign_keys:
                self.assertIn('%s:%s_out:e -> %s:%s:w' % (
                    table.name, key.parent.name, key.column.table.name,
                    key.column.name), drawing)


class TestTroubleshooting(base.BaseTestCase):

    def test_quoted_errors_are_those_of_the_code(self):
        said = set()
        for path in (checkout.ROOT / 'allocator').rglob('*.py'):
            if 'tests' not in path.parts:
                said.update(_sentences(path))
        quoted = {_PART.sub('…', title) for title in _QUOTED_TITLE.findall(
            read('admin/troubleshooting.rst'))}
        self.assertTrue(quoted)
        self.assertEqual(set(), quoted.difference(said))


def _sentences(path):
    """List the strings of a module, what differs being left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _PART.sub('…', node.value)
