# SPDX-License-Identifier: Apache-2.0
"""Which package may import which: no layer calls back up."""

import ast
import pathlib

import fixtures
import testtools

import allocator

_ROOT = pathlib.Path(allocator.__file__).parent

# What allocates, beneath which the other packages are.
_DOMAIN = ('allocator.api', 'allocator.backends', 'allocator.conductor',
           'allocator.db')

# What the modules of a package must not import, and what they may in spite
# of it.
_FORBIDDEN = {
    'api': (('sqlalchemy', 'oslo_db', 'alembic', 'allocator.db.models',
             'allocator.conductor'), ('allocator.conductor.rpcapi',)),
    'backends': (('allocator.api', 'allocator.conductor'), ()),
    'common': (_DOMAIN, ()),
    'conductor': (('allocator.api',), ()),
    'conf': (_DOMAIN, ()),
    'db': (('allocator.api', 'allocator.backends', 'allocator.conductor'),
           ()),
    'policies': (_DOMAIN, ()),
    'telemetry': (_DOMAIN, ()),
}

# What starts the others may import them all.
_ABOVE = {'cmd', 'tests', 'wsgi'}


def _imports(path, package):
    """List what a file imports, wherever in it.

    :param path: path of the file
    :param package: name of the package that it is in
    :returns: list of dotted names; of ``from a import b`` both are taken for
        modules
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ''
            if node.level:
                parts = package.split('.')
                above = parts[:len(parts) - node.level + 1]
                source = '.'.join([*above, source] if source else above)
            found += ['%s.%s' % (source, alias.name) for alias in node.names]
    return found


def _is_in(name, packages):
    return any(name == package or name.startswith(package + '.')
               for package in packages)


def _breaches(folder):
    """List what the modules of a package import, but must not.

    :returns: list of "file imports name"
    """
    forbidden, allowed = _FORBIDDEN[folder.name]
    found = []
    for path in sorted(folder.rglob('*.py')):
        package = '.'.join(path.relative_to(folder.parent.parent)
                           .with_suffix('').parts[:-1])
        found += ['%s imports %s' % (path.relative_to(folder.parent), name)
                  for name in _imports(path, package)
                  if _is_in(name, forbidden) and not _is_in(name, allowed)]
    return found


class LayerTests(testtools.TestCase):

    def test_no_layer_calls_back_up(self):
        """Controllers imported SQLAlchemy and the models."""
        for name in _FORBIDDEN:
            self.assertEqual([], _breaches(_ROOT / name))

    def test_every_package_has_its_place(self):
        """Those of backends and of what all share had none."""
        packages = {path.parent.name for path in _ROOT.glob('*/__init__.py')}
        self.assertEqual(set(_FORBIDDEN) | _ABOVE, packages)

    def test_every_form_of_import_is_seen(self):
        root = self.useFixture(fixtures.TempDir()).path
        folder = pathlib.Path(root, 'allocator', 'api')
        (folder / 'below').mkdir(parents=True)
        (folder / 'one.py').write_text(
            'import json\n'
            'import sqlalchemy.exc\n'
            'from sqlalchemy import orm\n'
            'from allocator.conductor import rpcapi\n'
            'from allocator.conductor import manager\n')
        (folder / 'below' / 'two.py').write_text(
            'def late():\n'
            '    from allocator.db import models\n'
            '    from allocator.db import nodes\n'
            '    from ...db.models import Node\n'
            '    from ..below import two\n')
        self.assertEqual([
            'api/below/two.py imports allocator.db.models',
            'api/below/two.py imports allocator.db.models.Node',
            'api/one.py imports sqlalchemy.exc',
            'api/one.py imports sqlalchemy.orm',
            'api/one.py imports allocator.conductor.manager',
        ], _breaches(folder))
