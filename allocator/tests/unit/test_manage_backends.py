# SPDX-License-Identifier: Apache-2.0
"""allocator-manage backend and allocator-manage write."""

import argparse
import re

import fixtures as base_fixtures
from oslo_config import cfg

from allocator.backends import registry
from allocator.cmd import manage_backends
from allocator.common import exception
from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_removals
from allocator.db import backend_status
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import backfills
from allocator.db import nodes
from allocator.tests.unit.backends import mirroring
from allocator.tests.unit.docs import checkout


def add(commands):
    """Add the parsers of both groups of commands."""
    manage_backends.add_backend(commands)
    manage_backends.add_write(commands)


class _TestCase(mirroring.MirrorTestCase):

    def run_command(self, line):
        """Run a command.

        :param line: what stands behind allocator-manage
        :returns: what it printed
        """
        conf = cfg.ConfigOpts()
        conf.register_cli_opt(cfg.SubCommandOpt('command', handler=add))
        # Of its values, "name" is that of the command, as with CONF.
        conf(line.split(), default_config_files=[], default_config_dirs=[])
        self.useFixture(base_fixtures.MonkeyPatch(
            'allocator.cmd.manage_backends.CONF', conf))
        with base_fixtures.StringStream('stdout') as printed:
            with base_fixtures.MonkeyPatch('sys.stdout', printed.stream):
                conf.command.run()
            printed.stream.flush()
            return printed.getDetails()['stdout'].as_text()

    def refuse(self, line):
        """Run a command that ends with a sentence and status 1."""
        stopped = self.assertRaises(SystemExit, self.run_command, line)
        self.assertIsInstance(stopped.code, str)
        return stopped.code

    def pending(self):
        """Make a write that is open, and put off.

        :returns: UUID of its allocation
        """
        self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        [write] = backend_writes.lease(backends.get_row('east'), 8)
        backend_writes.put_off(write, 3600, 'no route')
        return uuid


class BackendTests(_TestCase):

    def test_list(self):
        self.store().enrol(2)
        self.look()
        self.assertRegex(
            self.run_command('backend list'),
            r'^name=east  status=up  nodes=2  free=2  open_writes=0  '
            r'lag=[\d.e-]+  missing=0\n$')

    def test_show(self):
        self.look()
        shown = dict(re.findall(r'(?m)^(\w+) +(.*)$',
                                self.run_command('backend show east')))
        self.assertEqual(set(backend_status.get('east')), set(shown))
        self.assertEqual(('east', 'up', 'None'), (
            shown['name'], shown['status'], shown['last_error']))

    def test_accepted_ones_are_removed(self):
        uuids = self.store().enrol(20)
        self.look()
        for uuid in uuids:
            self.store().delete_node(uuid)
        self.look(full=True)
        self.assertEqual(20, backend_status.get('east')['nodes'])
        self.assertIn('20 nodes', self.run_command('backend accept east'))
        self.look(full=True)
        self.assertEqual(0, backend_status.get('east')['nodes'])

    def test_a_configured_one_is_not_removed(self):
        self.store().enrol()
        self.look()
        self.assertIn('enabled_backends', self.refuse('backend remove east'))
        self.assertEqual(1, backend_status.get('east')['nodes'])

    def stop(self):
        """Take it out of the configuration; its conductor has stopped."""
        CONF.set_override('enabled_backends', [])
        self.mirrors['east']._let_go()

    def test_one_that_another_process_has_configured_is_not_removed(self):
        """Its nodes were known again at the next look."""
        self.store().enrol()
        self.look()
        CONF.set_override('enabled_backends', [])
        for force in ('', ' --force'):
            self.assertIn('is mirrored', self.refuse(
                'backend remove east' + force))
        self.assertEqual(1, backend_status.get('east')['nodes'])
        self.stop()
        self.run_command('backend remove east')
        self.assertEqual([], backend_status.list_all())

    def test_remove(self):
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.assertEqual('active', self.settle(uuid).state)
        self.stop()
        self.assertEqual(
            '1 nodes and 1 allocations of backend east are forgotten.\n',
            self.run_command('backend remove east'))
        self.assertRaises(exception.NodeNotFound, nodes.get, node)
        self.assertRaises(exception.AllocationNotFound, allocations.get, uuid)
        self.assertEqual([], backend_status.list_all())
        # Nothing is changed there.
        self.assertIn(uuid, self.store().allocations)

    def test_with_writes_open_it_is_removed_by_force_alone(self):
        uuid = self.pending()
        self.stop()
        said = self.refuse('backend remove east')
        self.assertIn('1 writes to east are not done yet', said)
        self.assertIn('--force', said)
        self.assertEqual(1, backend_status.get('east')['open_writes'])
        self.run_command('backend remove east --force')
        self.assertEqual([], backend_status.list_all())
        self.assertEqual([], backend_writes.list_open())
        self.assertEqual('allocating', allocations.get(uuid).state)

    def test_one_that_is_unknown(self):
        for action in ('show', 'accept', 'hand-back', 'remove'):
            self.assertRaises(exception.BackendNotFound, self.run_command,
                              'backend %s north' % action)


class HandBackTests(_TestCase):

    def active(self, **values):
        """Have an allocation made here.

        :returns: its UUID
        """
        self.store().enrol()
        self.look()
        uuid = self.allocate(**values)
        self.assertEqual('active', self.settle(uuid).state)
        return uuid

    def there(self, uuid):
        found = self.store().allocations[uuid]
        return found['name'], found['extra']

    def hand_back(self):
        """Have all handed back.

        :returns: list of the lines that were printed
        """
        return self.run_command('backend hand-back east').splitlines()

    def test_names_and_extra_are_there_and_no_mark(self):
        named = self.active(name='mine', extra={'a': {'b': [1]}})
        nameless = self.active()
        self.assertEqual(
            {'%s  written' % uuid for uuid in (named, nameless)}
            | {'2 allocations are handed back, 0 were so already.'},
            set(self.hand_back()))
        self.assertEqual(('mine', {'a': {'b': [1]}}), self.there(named))
        self.assertEqual((None, {}), self.there(nameless))

    def test_done_again_it_writes_nothing(self):
        self.active(name='mine')
        self.hand_back()
        before = self.services['east'].requests['PATCH', 'allocations']
        self.assertEqual(['0 allocations are handed back, 1 were so '
                          'already.'], self.hand_back())
        self.assertEqual(
            before, self.services['east'].requests['PATCH', 'allocations'])

    def test_what_was_handed_back_goes_on_here(self):
        uuid = self.active(name='mine', extra={'a': 1})
        self.hand_back()
        self.look(full=True)
        found = allocations.get(uuid)
        self.assertEqual(('active', 'mine', {'a': 1}),
                         (found.state, found.name, found.extra))
        self.release(uuid)
        self.write()
        self.assertNotIn(uuid, self.store().allocations)

    def test_a_name_that_is_taken_there_is_told_and_the_rest_is_done(self):
        uuid = self.active(name='mine', extra={'a': 1})
        self.store().allocate('other', name='mine')
        other = self.active(name='other')
        code, lines = self.hand_back_in_part()
        self.assertEqual(1, len([line for line in lines if line.startswith(
            '%s  all but its name mine: 409' % uuid)]), lines)
        self.assertIn('%s  written' % other, lines)
        self.assertIn('can be done again', code)
        self.assertEqual((None, {'a': 1}), self.there(uuid))
        self.store().change_allocation('mine', name='not-mine')
        self.hand_back()
        self.assertEqual(('mine', {'a': 1}), self.there(uuid))

    def test_without_a_name_here_it_keeps_one_that_was_given_there(self):
        uuid = self.active()
        self.store().change_allocation(uuid, name='theirs')
        self.hand_back()
        self.assertEqual(('theirs', {}), self.there(uuid))

    def test_the_name_of_an_attempt_goes_also_when_its_mark_has_gone(self):
        uuid = self.active()
        self.store().change_allocation(uuid, extra={})
        self.hand_back()
        self.assertEqual((None, {}), self.there(uuid))

    def test_names_that_have_changed_places_are_written(self):
        """Each waits for the one before it to give its name up."""
        made = []
        for name in ('a', 'b', 'c'):
            self.store().enrol()
            made.append(self.store().allocate('metal', name=name)['uuid'])
        self.look(full=True)
        for uuid, name in zip(reversed(made), ('d', 'c', 'b'), strict=True):
            allocations.update(uuid, lambda _row, name=name: {'name': name})
        self.hand_back()
        self.assertEqual(['b', 'c', 'd'],
                         [self.there(uuid)[0] for uuid in made])

    def test_an_error_does_not_stop_the_rest(self):
        gone, kept = self.active(name='gone'), self.active(name='kept')
        del self.store().allocations[gone]
        _code, lines = self.hand_back_in_part()
        self.assertIn('%s  is not there' % gone, lines)
        self.assertIn('%s  written' % kept, lines)

    def test_what_is_not_done_yet_is_told(self):
        self.pending()
        code, lines = self.hand_back_in_part()
        self.assertIn('1 writes to east are not done yet.', lines)
        self.assertIn('Not all', code)

    def hand_back_in_part(self):
        """Have handed back what can be.

        :returns: sentence at the end, and list of the lines before it
        """
        lines = []
        with base_fixtures.MonkeyPatch('builtins.print',
                                       lambda line, **_: lines.append(line)):
            code = self.refuse('backend hand-back east')
        return code, lines

    def test_one_that_is_silent_is_told(self):
        self.active()
        self.options['east'].set('endpoint_override', 'http://127.0.0.1:1')
        registry.forget()
        self.assertIn('Backend east: ', self.refuse('backend hand-back east'))

    def test_one_that_is_not_configured(self):
        self.look()
        CONF.set_override('enabled_backends', [])
        self.assertIn('enabled_backends',
                      self.refuse('backend hand-back east'))


class WriteTests(_TestCase):

    def test_list(self):
        self.assertEqual('', self.run_command('write list'))
        uuid = self.pending()
        [node] = self.store().nodes
        self.assertRegex(
            self.run_command('write list'),
            '^%s  claim  backend=east  node=%s  since=.*  tries=1  '
            'no route\n$' % (uuid, node))

    def test_retry(self):
        uuid = self.pending()
        self.assertEqual(0, self.write())
        self.assertEqual('1 changed.\n',
                         self.run_command('write retry ' + uuid))
        self.assertEqual(1, self.write())
        self.assertIn(uuid, self.store().allocations)

    def test_forget(self):
        uuid = self.pending()
        self.assertEqual('1 changed.\n',
                         self.run_command('write forget ' + uuid))
        self.assertEqual('', self.run_command('write list'))
        self.assertEqual('allocating', allocations.get(uuid).state)
        [node] = self.store().nodes
        self.assertIsNone(self.node(node).instance_uuid)

    def test_forgotten_before_it_was_confirmed_it_is_so_nevertheless(self):
        """The node of an active allocation was freed."""
        uuid = self.pending()
        [node] = self.store().nodes
        get_open = backend_writes.get_open

        def get_and_confirm(*arguments):
            found = get_open(*arguments)
            backend_removals.retry_write(uuid)
            self.write()
            return found

        self.useFixture(base_fixtures.MockPatchObject(
            backend_writes, 'get_open', get_and_confirm))
        self.assertIn('nothing open', self.refuse('write forget ' + uuid))
        self.assertEqual('active', allocations.get(uuid).state)
        self.assertEqual(uuid, self.node(node).instance_uuid)

    def test_a_forgotten_backfill_leaves_the_instance_alone(self):
        node, = self.store().enrol(provision_state='active')
        uuid = allocations.new_uuid()
        self.store().change_node(node, instance_uuid=uuid)
        self.look()
        backfills.want(node, mirroring.PENDING | {
            'uuid': None, 'candidate_nodes': []})
        self.assertEqual('1 changed.\n',
                         self.run_command('write forget ' + uuid))
        self.assertEqual((uuid, 0), (self.node(node).instance_uuid,
                                     self.node(node).free))

    def test_with_its_last_write_forgotten_one_is_silent_no_more(self):
        uuid = self.pending()
        for _ in range(backends.UNANSWERED):
            backend_writes.note_answer(backends.get_row('east').id, False)
        self.look()
        self.assertEqual('silent', backend_status.get('east')['status'])
        before = backend_status.get('east')['status_since']
        self.run_command('write forget ' + uuid)
        self.look()
        found = backend_status.get('east')
        self.assertEqual('up', found['status'])
        self.assertGreater(found['status_since'], before)
        self.assertEqual('active', self.settle(uuid).state)

    def test_nothing_is_open(self):
        for action in ('retry', 'forget'):
            self.assertIn('nothing open', self.refuse(
                'write %s %s' % (action, allocations.new_uuid())))


class DocumentationTests(_TestCase):

    def test_each_command_is_described(self):
        page = (checkout.DOC / 'cli' / 'manage.rst').read_text()
        described = set(re.findall(
            r'(?m)^``allocator-manage ((?:backend|write) [\w-]+)', page))
        parser = argparse.ArgumentParser()
        add(parser.add_subparsers())
        known = set()
        for group, commands in _choices(parser):
            known.update('%s %s' % (group, name)
                         for name, _command in _choices(commands))
        self.assertEqual(known, described)


def _choices(parser):
    [commands] = [action for action in parser._actions
                  if isinstance(action, argparse._SubParsersAction)]
    return commands.choices.items()
