# SPDX-License-Identifier: Apache-2.0
"""A database is restored from a backup: the Ironic's, or this service's."""

import contextlib

from allocator.db import models
from allocator.tests.backends import fronting
from allocator.tests.functional import databases
from allocator.tests.functional import waiting


class RestoredTests(fronting.FrontTestCase):

    # What lies behind the newest change known is seen in a full look only.
    options = {'sweep_interval': 3}

    # --- Ironic's ----------------------------------------------------------

    def test_of_what_ironic_has_forgotten_only_404_is_proof(self):
        forgotten, kept, returned = self.add_nodes(3)
        stays = self.settled(candidate_nodes=[kept])['uuid']
        back = self.settled(candidate_nodes=[returned], name='back',
                            extra={'a': 1})['uuid']
        snapshot = self.ironic.database.snapshot()
        lost = self.settled(candidate_nodes=[forgotten])['uuid']
        self.assertEqual(204, self.release(back))
        # While it cannot be asked for by its UUID, it lasts.
        self.proxy.answer(500, times=None, method='GET',
                          path='^/v1/allocations/' + lost)
        asked = len(self.proxy.requests)
        self.ironic.database.restore(snapshot)
        # The second time, what followed from the first one has been entered.
        waiting.until(
            lambda: self.proxy.requests[asked:].count(
                ('GET', '/v1/allocations/' + lost, None)) >= 2,
            fronting.KNOWN, 'it is asked for')
        self.assertEqual('active', self.client.allocation(lost)['state'])
        self.proxy.heal()
        waiting.until(lambda: self.is_gone(lost), fronting.KNOWN,
                      'it has ended')
        # What had been released here is a leftover there.
        waiting.until(lambda: not self.operator.allocation(back),
                      fronting.KNOWN, 'the leftover is gone')
        self.active(stays, kept)
        self.assertTrue(self.is_gone(back))
        for node in (forgotten, returned):
            self.active(self.allocate(candidate_nodes=[node]), node)

    def test_what_ironic_has_in_use_again_is_there_again(self):
        node, = self.add_nodes()
        uuid = self.allocate()
        self.active(uuid, node)
        self.operator.deploy(node)
        snapshot = self.ironic.database.snapshot()
        self.operator.undeploy(node)
        waiting.until(lambda: self.is_gone(uuid), fronting.KNOWN,
                      'it has ended')
        self.ironic.database.restore(snapshot)
        waiting.until(lambda: not self.is_gone(uuid), fronting.KNOWN,
                      'it is there again')
        self.active(uuid, node)
        self.operator.undeploy(node)
        waiting.until(lambda: self.is_gone(uuid), fronting.KNOWN,
                      'it has ended')
        self.check()

    # --- Ours --------------------------------------------------------------

    @contextlib.contextmanager
    def restored(self):
        """Keep a backup; at the end, go back to it."""
        copy = databases.Database(databases.MYSQL)
        copy.setUp()
        self.addCleanup(copy.cleanUp)
        # What the database computes it will not be told.
        columns = {name: ', '.join(
            column.name for column in table.c if column.computed is None)
            for name, table in models.Base.metadata.tables.items()}
        with self.service.engine.begin() as connection:
            for table, names in columns.items():
                connection.exec_driver_sql(
                    'CREATE TABLE %s.%s AS SELECT %s FROM %s'
                    % (copy.name, table, names, table))
        yield
        for process in self.service.processes:
            process.kill()
        self.addCleanup(self.start)
        with self.service.engine.begin() as connection:
            connection.exec_driver_sql('SET foreign_key_checks = 0')
            for table, names in columns.items():
                connection.exec_driver_sql('DELETE FROM ' + table)
                connection.exec_driver_sql(
                    'INSERT INTO %s (%s) SELECT %s FROM %s.%s'
                    % (table, names, names, copy.name, table))
            connection.exec_driver_sql('SET foreign_key_checks = 1')
        self.start()

    def start(self):
        for process in self.service.processes:
            if not process.is_running:
                process.start()
        self.service.wait_ready()

    def test_what_we_have_forgotten_is_taken_over(self):
        nodes = self.add_nodes(5)
        released, followed, running, new, free = nodes
        ended = self.settled(candidate_nodes=[released])['uuid']
        before = self.settled(candidate_nodes=[followed])['uuid']
        stays = self.settled(candidate_nodes=[running], name='stays',
                             extra={'a': 1})['uuid']
        # One that is on its way as the backup is made.
        stop = self.proxy.keep_answer(**fronting.POST)
        open_ = self.allocate(candidate_nodes=[free])
        stop.wait()
        with self.restored():
            stop.let_go()
            self.active(open_, free)
            self.assertEqual(204, self.release(ended))
            self.assertEqual(204, self.release(before))
            after = self.settled(candidate_nodes=[followed])['uuid']
            made = self.settled(candidate_nodes=[new], name='made',
                                extra={'b': 1})['uuid']
            self.operator.deploy(running)
        for uuid in (ended, before):
            waiting.until(lambda uuid=uuid: self.is_gone(uuid),
                          fronting.KNOWN, 'what was released has ended')
        for uuid, node in ((after, followed), (made, new), (stays, running),
                           (open_, free)):
            waiting.until(lambda uuid=uuid: not self.is_gone(uuid),
                          fronting.KNOWN, 'it is known again')
            self.active(uuid, node)
        self.assertEqual(('stays', {'a': 1}), tuple(
            self.client.allocation(stays)[name] for name in (
                'name', 'extra')))
        # The mark is all that was known of it there.
        self.assertEqual((None, {}), tuple(
            self.client.allocation(made)[name] for name in (
                'name', 'extra')))
        self.active(self.allocate(candidate_nodes=[released]), released)
        self.operator.undeploy(running)

    def test_a_claim_that_had_gone_on_to_another_node_since(self):
        first, second = self.add_nodes(2)
        self.ironic.database.change_rows(
            'nodes', {'uuid': first}, maintenance=True)
        stop = self.proxy.keep(**fronting.POST)
        uuid = self.allocate(candidate_nodes=[first, second])
        stop.wait()
        with self.restored():
            stop.let_go()
            self.active(uuid, second)
        found = self.client.settled(uuid, fronting.SETTLED)
        # What the client was told first is not touched.
        self.assertEqual('error', found['state'])
        self.assertEqual(
            ('active', second), tuple(self.operator.allocation(uuid)[name]
                                      for name in ('state', 'node_uuid')))
        self.assertEqual(204, self.release(uuid))
        self.operator.release(uuid)
        self.ironic.database.change_rows(
            'nodes', {'uuid': first}, maintenance=False)
