# SPDX-License-Identifier: Apache-2.0
"""Pages of allocations: their order, their links, their fields."""

from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.api import app
from allocator.api.controllers.v1 import allocation
from allocator.common import states
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.api import allocating

URL = allocating.URL
ROOT = 'http://localhost'

_allocation = models.Allocation.__table__


class PageTests(allocating.AllocationTestCase):

    def setUp(self):
        super().setUp()
        fixtures.add_node()
        for number in range(9):
            self.create(
                name='n%d' % (number * 7 % 9) if number % 3 else None,
                owner='o%d' % (number % 2) if number % 4 else None,
                resource_class='c%d' % (number % 2))
        self.create()
        self.api.match()
        for number in range(4):  # neither error nor time of an update
            self.create(name='late%d' % number)

    def pages(self, query):
        """Follow the links from page to page; return all items."""
        url, found = URL + '?' + query, []
        while url:
            page = self.read(url)
            found += page['allocations']
            url = page.get('next', '').removeprefix(ROOT)
        return found

    def test_pages_join_without_gap_or_repeat_by_every_key(self):
        for key in ('id', *allocation.SORTABLE):
            for direction in ('asc', 'desc'):
                query = 'sort_key=%s&sort_dir=%s' % (key, direction)
                whole = self.read(URL + '?' + query)['allocations']
                self.assertEqual(14, len(whole))
                for limit in (2, 5):
                    self.assertEqual(
                        whole, self.pages('%s&limit=%d' % (query, limit)))

    def test_pages_are_sorted(self):
        for key in allocation.SORTABLE:
            values = [item[key] for item in self.pages('sort_key=' + key)
                      if item[key] is not None]
            self.assertEqual(sorted(values), values)
            falling = [item[key] for item in self.pages(
                'sort_dir=desc&sort_key=' + key) if item[key] is not None]
            self.assertEqual(values[::-1], falling)

    def test_without_a_key_the_oldest_comes_first(self):
        times = [item['created_at'] for item in self.pages('limit=4')]
        self.assertEqual(sorted(times), times)

    def test_filters_hold_on_every_page(self):
        found = self.pages('limit=1&resource_class=c0&owner=o1')
        self.assertEqual(
            [], [item for item in found
                 if (item['resource_class'], item['owner']) != ('c0', 'o1')])
        everything = self.pages('')
        self.assertEqual(len(found), sum(
            (item['resource_class'], item['owner']) == ('c0', 'o1')
            for item in everything))

    def test_a_list_may_be_filtered_and_sorted_by_the_same_field(self):
        for query in ('sort_key=state&state=error',
                      'sort_key=resource_class&resource_class=c1',
                      'sort_key=owner&owner=o1&state=error'):
            for direction in ('asc', 'desc'):
                query += '&sort_dir=' + direction
                whole = self.read(URL + '?' + query)['allocations']
                self.assertGreater(len(whole), 2)
                self.assertEqual(whole, self.pages(query + '&limit=2'))
                query = query.removesuffix('&sort_dir=' + direction)

    def test_the_last_page_has_no_next(self):
        self.assertNotIn('next', self.read(URL + '?limit=15'))
        self.assertNotIn('next', self.read(URL))

    def test_a_full_last_page_is_followed_by_an_empty_one(self):
        page = self.read(URL + '?limit=14')
        self.assertEqual({'allocations': []},
                         self.read(page['next'].removeprefix(ROOT)))

    def test_a_marker_may_be_written_in_any_form(self):
        marker = self.read(URL)['allocations'][4]['uuid']
        pages = [self.read('%s?limit=2&marker=%s' % (URL, form))
                 for form in (marker, marker.upper(),
                              marker.replace('-', ''))]
        self.assertEqual(pages[0], pages[1])
        self.assertEqual(pages[0], pages[2])

    def test_a_limit_is_bounded(self):
        self.api.configuration.set('max_limit', 5, group='api')
        for query in ('', '?limit=6', '?limit=' + '9' * 5000):
            page = self.read(URL + query)
            self.assertEqual(5, len(page['allocations']))
            self.assertIn('limit=5', page['next'])

    def test_a_limit_may_have_zeros_before_it(self):
        page = self.read(URL + '?limit=' + '0' * 20 + '3')
        self.assertEqual(3, len(page['allocations']))

    def test_a_limit_is_written_in_plain_digits(self):
        for limit in ('', '0', '000', '-1', '+1', '1.0', '1e1', '1_0', ' 1',
                      '%D9%A1', '%C2%B2', '0x1', 'None'):
            self.refuse(400, self.api.get(URL + '?limit=' + limit), 'Limit')


class StateTests(allocating.AllocationTestCase):
    """States that the database alone has are shown to nobody."""

    def setUp(self):
        super().setUp()
        self.by_state = {}
        # The stored words, sorted, are no order of the words that are shown.
        for state in ('waiting', 'error', 'allocating', 'active', 'confirming',
                      'waiting', 'active', 'allocating', 'error'):
            uuid = self.create()['uuid']
            with session.writer() as connection:
                connection.execute(sa.update(_allocation).where(
                    _allocation.c.uuid == uuid).values(state=state))
            self.by_state.setdefault(
                states.seen_by_clients(state), []).append(uuid)

    def pages(self, url, query):
        """Follow the links from page to page.

        :returns: list of (state, UUID)
        """
        url, found = url + '?' + query, []
        while url:
            page = self.read(url)
            found += [(item['state'], item['uuid'])
                      for item in page['allocations']]
            url = page.get('next', '').removeprefix(ROOT)
        return found

    def test_a_filter_takes_the_states_that_are_shown_alone(self):
        for url in (URL, allocating.OWN_URL):
            for state in ('waiting', 'confirming', 'nope', 'waiting%20', ''):
                self.assertEqual([], self.pages(url, 'state=' + state))
                self.refuse(404, self.api.get(
                    '%s?state=%s&marker=%s' % (url, state,
                                               uuidutils.generate_uuid())))
            for state, uuids in self.by_state.items():
                for query in ('state=%s', 'state=%s&limit=1',
                              'state=%s&limit=2&sort_key=state'):
                    self.assertEqual([(state, uuid) for uuid in uuids],
                                     self.pages(url, query % state))

    def test_a_list_is_sorted_by_the_state_that_is_shown(self):
        rising = [(state, uuid) for state in ('active', 'allocating', 'error')
                  for uuid in self.by_state[state]]
        for url in (URL, allocating.OWN_URL):
            for limit in (1, 2, 4, 9, 20):
                query = 'sort_key=state&limit=%d' % limit
                self.assertEqual(rising, self.pages(url, query))
                self.assertEqual(rising[::-1], self.pages(
                    url, query + '&sort_dir=desc'))

    def test_a_marker_of_an_unknown_state_is_none_of_that_order(self):
        """A newer release may have written it."""
        marker = self.create()['uuid']
        with session.writer() as connection:
            connection.execute(sa.update(_allocation).where(
                _allocation.c.uuid == marker).values(state='newer'))
        query = '%s?marker=%s&sort_key=' % (URL, marker)
        self.refuse(404, self.api.get(query + 'state'), marker)
        self.assertEqual([], self.read(query + 'id')['allocations'])

    def test_other_filters_go_with_that_order(self):
        other = self.create(resource_class='other')['uuid']
        self.assertEqual([('allocating', other)], self.pages(
            URL, 'sort_key=state&resource_class=other&limit=1'))
        waiting = self.pages(allocating.OWN_URL,
                             'sort_key=state&waiting=true&limit=1')
        self.assertEqual([uuid for _, uuid in waiting],
                         [self.by_state['allocating'][number]
                          for number in (0, 3)])


class LinkTests(allocating.AllocationTestCase):

    def links(self, **options):
        created = self.api.post(URL, {'resource_class': 'x'}, **options)
        answer = self.api.get(URL + '?limit=1', **options)
        v1 = self.api.get('/v1', **options).body
        item = answer.body['allocations'][0]
        return [v1['links'][0]['href'], answer.body['next'],
                created.headers['Location'], *(
                    link['href'] for link in item['links'])]

    def test_links_begin_as_the_request_was_sent(self):
        for link in self.links(headers={'Host': 'here:1234'}):
            self.assertTrue(link.startswith('http://here:1234/'), link)

    def test_links_begin_with_the_public_endpoint(self):
        self.api.configuration.set(
            'public_endpoint', 'https://cloud.example/baremetal/',
            group='api')
        for link in self.links():
            self.assertRegex(link, '^https://cloud.example/baremetal/'
                                   '(v1|allocations)/')

    def test_proxy_headers_are_believed_only_if_configured(self):
        headers = {'X-Forwarded-Proto': 'https',
                   'X-Forwarded-Host': 'cloud.example',
                   'X-Forwarded-Prefix': '/baremetal'}
        for link in self.links(headers=headers):
            self.assertTrue(link.startswith('http://localhost'), link)
        self.api.configuration.set('enable_proxy_headers_parsing', True,
                                   group='oslo_middleware')
        self.api.application = app.setup_app()
        for link in self.links(headers=headers):
            self.assertRegex(link, '^https://cloud.example/baremetal/'
                                   '(v1|allocations)/')

    def test_next_of_an_unversioned_path_is_versioned(self):
        self.create()
        page = self.read('/allocations?limit=1')
        self.assertTrue(page['next'].startswith(ROOT + URL + '?'))


class FieldTests(allocating.AllocationTestCase):

    def test_an_answer_has_the_fields_of_its_version(self):
        uuid = self.create()['uuid']
        fields = {'uuid', 'name', 'node_uuid', 'state', 'last_error',
                  'resource_class', 'traits', 'candidate_nodes', 'extra',
                  'created_at', 'updated_at', 'links'}
        self.assertEqual(fields, set(self.show(uuid, version='1.59')))
        self.assertEqual(fields | {'owner'},
                         set(self.show(uuid, version='1.60')))

    def test_every_field_can_be_chosen(self):
        uuid = self.create()['uuid']
        for name in self.show(uuid):
            self.assertEqual({name, 'links'}, set(
                self.show('%s?fields=%s' % (uuid, name))))

    def test_fields_may_be_repeated(self):
        self.create()
        found = self.read(URL + '?fields=uuid,uuid')['allocations']
        self.assertEqual({'uuid', 'links'}, set(found[0]))

    def test_unknown_fields_are_named(self):
        uuid = self.create()['uuid']
        for query in ('?fields=uuid,what', '?fields=what'):
            self.refuse(400, self.api.get(URL + query), 'what')
            self.refuse(400, self.api.get('%s/%s%s' % (URL, uuid, query)),
                        'what')
        for query in ('?fields=', '?fields=uuid,,name', '?fields=,'):
            self.refuse(400, self.api.get(URL + query))
