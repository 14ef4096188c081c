# SPDX-License-Identifier: Apache-2.0
"""How tools/benchmark reckons when it compares."""

import pathlib
import socket
import sys
import tempfile
import threading

import testtools

TOOLS = pathlib.Path(__file__).parents[3] / 'tools'


class BenchmarkTestCase(testtools.TestCase):

    def setUp(self):
        super().setUp()
        sys.path.insert(0, str(TOOLS))
        self.addCleanup(sys.path.remove, str(TOOLS))


class RoundsTests(BenchmarkTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks.comparison import rounds
        self.rounds = rounds

    def test_each_side_is_the_first_as_often_as_the_last(self):
        self.assertEqual([['a', 'b'], ['b', 'a'], ['a', 'b']], [
            self.rounds.order(['a', 'b'], number) for number in range(3)])

    def test_medians_are_compared_and_the_pairs_are_the_spread(self):
        found = self.rounds.compare([2, 4, 10], [1, 4, 3])
        self.assertEqual((4, 3, 0.75, 0.3, 1.0), (
            found.before, found.after, found.ratio, found.lowest,
            found.highest))

    def test_sides_that_were_not_measured_as_often_are_an_error(self):
        self.assertRaises(ValueError, self.rounds.compare, [1, 1], [1])

    def test_nothing_is_no_multiple_of_zero(self):
        self.assertIsNone(self.rounds.compare([0, 1], [1, 1]))


class ResultsTests(BenchmarkTestCase):

    def results(self, **figures):
        from benchmarks.comparison import running
        return running.results(figures)

    def test_whole_pairs_count_where_it_was_ended_early(self):
        found = self.results(before={'get': [2, 4]}, after={'get': [1]})
        self.assertEqual([(2, 1)],
                         found['measures']['get']['compared']['pairs'])
        self.assertEqual({}, self.results(before={'get': [2]},
                                          after={})['measures'])

    def test_the_same_twice_is_the_noise(self):
        found = self.results(before={'get': [2]}, after={'get': [1]},
                             again={'get': [3]})['measures']['get']
        self.assertEqual((0.5, 1.5), (found['compared']['ratio'],
                                      found['noise']['ratio']))


class SharesTests(BenchmarkTestCase):

    def test_all_shares_are_a_hundred_percent(self):
        from benchmarks.comparison import busy
        found = busy.shares({'api': 6, 'clients': 2, 'machine': 12,
                             'stolen': 1}, 10, 2)
        self.assertEqual({'api': 30, 'clients': 10, 'others': 20,
                          'stolen': 5, 'idle': 35}, found)

    def test_ticks_that_do_not_agree_make_no_share_negative(self):
        from benchmarks.comparison import busy
        found = busy.shares({'api': 11, 'machine': 10, 'stolen': 0}, 5, 2)
        self.assertEqual((0, 0), (found['others'], found['idle']))


def compared(before, after, lowest, highest):
    return {'before': before, 'after': after, 'ratio': after / before,
            'lowest': lowest, 'highest': highest, 'pairs': []}


class GoalsTests(BenchmarkTestCase):

    def verdict(self, name, before, after, noise=None):
        from benchmarks.comparison import goals
        found = {'compared': compared(before, after, 0.1, 10)}
        if noise:
            found['noise'] = compared(1, 1, *noise)
        line, = goals.compare({'measures': {name: found}, 'shares': {}})
        return line.is_met

    def test_a_time_is_to_become_so_many_times_shorter(self):
        self.assertEqual([True, False], [
            self.verdict('active_100', 10, after) for after in (8, 8.1)])

    def test_a_rate_is_to_become_so_many_times_higher(self):
        self.assertEqual([True, False], [
            self.verdict('per_second', 100, after) for after in (160, 159)])

    def test_what_has_no_goal_is_not_worse_within_the_noise(self):
        self.assertEqual([True, False], [
            self.verdict('get', 10, after, (0.8, 1.2))
            for after in (12, 12.1)])
        self.assertEqual([True, False], [
            self.verdict('backlog', 10, after, (0.8, 1.2))
            for after in (8, 7.9)])

    def test_the_conductor_alone_is_measured_by_the_script_beside_it(self):
        self.assertEqual([True, False], [
            self.verdict('share_of_bare', 0.5, after)
            for after in (0.65, 0.64)])

    def test_every_measure_of_the_parts_has_a_title(self):
        from benchmarks.comparison import measures
        self.assertEqual('time to active, idle, 100 nodes',
                         measures.find('active_100').title)
        self.assertRaises(KeyError, measures.find, 'unheard-of')


class SizeGoalsTests(BenchmarkTestCase):

    def test_the_page_that_grows_most_decides(self):
        from benchmarks.size import goals
        page = {'values': {}, 'sort_key': 'id', 'page': 'first'}
        memory = {'api': [{'rss_mib': 100}]}
        results = {
            'requests': {'post': compared(1, 1.3, 1, 2)},
            'lists': [page | compared(1, 1, 1, 1),
                      page | compared(1, 1.4, 1, 2),
                      page | {'sort_key': 'name'} | compared(1, 1, 1, 1)],
            'small': {'memory': memory},
            'large': {'memory': memory, 'filling_s': 1,
                      'bytes': {'nodes': 1},
                      'purge': {'removed': 9, 'seconds': 1}}}
        self.assertEqual([True, False, True, True, None, None, None], [
            line.is_met for line in goals.compare(results)])


class InstallationTests(BenchmarkTestCase):

    def test_a_checkout_runs_with_this_python_and_its_own_code(self):
        from benchmarks import installation
        root = str(TOOLS.parent)
        found = installation.Installation(root)
        self.assertEqual(root, found.environment()['PYTHONPATH'])

    def test_a_virtual_environment_runs_its_own_commands(self):
        from benchmarks import installation
        with tempfile.TemporaryDirectory() as folder:
            command = pathlib.Path(folder) / 'bin' / 'allocator-api'
            command.parent.mkdir()
            command.touch()
            found = installation.Installation(folder)
            self.assertEqual(str(command), found.script('allocator-api'))
            self.assertEqual('', found.environment()['PYTHONPATH'])

    def test_anything_else_is_refused(self):
        from benchmarks import installation
        with tempfile.TemporaryDirectory() as folder:
            self.assertRaises(ValueError, installation.Installation, folder)


class CrowdTests(BenchmarkTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks import crowd
        self.crowd = crowd

    def test_an_answer_is_complete_with_its_last_byte(self):
        answer = (b'HTTP/1.1 201 Created\r\ncontent-LENGTH: 2\r\n'
                  b'Server: x\r\n\r\n{}')
        self.assertEqual((201, b'{}'), self.crowd.split(answer))
        for end in range(len(answer)):
            self.assertIsNone(self.crowd.split(answer[:end]))

    def test_an_answer_of_unknown_length_is_an_error(self):
        self.assertRaises(ValueError, self.crowd.split,
                          b'HTTP/1.1 200 OK\r\nServer: x\r\n\r\n')

    def test_each_client_asks_until_it_sees_its_allocation_settled(self):
        from benchmarks import client
        service = Stand()
        self.addCleanup(service.close)
        crowd = self.crowd.Crowd(client.Client(service.url), service.url, 3)
        samples, _seconds = crowd.allocate({}, 7)
        self.assertEqual([(201, 'active')] * 7,
                         [(one.status, one.state) for one in samples])
        # Each was seen undecided once.
        self.assertEqual((7, 14), (service.posts, service.gets))

    def test_nobody_looks_after_what_is_only_posted(self):
        from benchmarks import client
        service = Stand()
        self.addCleanup(service.close)
        crowd = self.crowd.Crowd(client.Client(service.url), service.url, 2)
        samples, _seconds = crowd.post({}, 5)
        self.assertEqual((5, 5, 0),
                         (len(samples), service.posts, service.gets))


class Stand:
    """A server whose allocations are active at the second look."""

    def __init__(self):
        self.posts = self.gets = 0
        self._looks = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = 'http://127.0.0.1:%d' % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,),
                             daemon=True).start()

    def _serve(self, connection):
        with connection:
            while request := connection.recv(65536):
                with self._lock:
                    status, body = self._answer(request)
                connection.sendall(
                    b'HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s'
                    % (status, len(body), body))

    def _answer(self, request):
        method, path, _ = request.split(b' ', 2)
        if method == b'POST':
            self.posts += 1
            return 201, b'{"uuid": "%d"}' % self.posts
        self.gets += 1
        is_second = path in self._looks
        self._looks.add(path)
        return 200, b'{"state": "%s"}' % (
            b'active' if is_second else b'allocating')
