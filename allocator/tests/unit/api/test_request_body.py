# SPDX-License-Identifier: Apache-2.0
"""How the body of a request is read: its length, its type, its JSON."""

import json

from allocator.tests.unit.api import bodies

GOOD = bodies.GOOD


class LengthTests(bodies.BodyTestCase):

    def test_a_body_is_as_long_as_declared(self):
        self.assertEqual(201, self.send(GOOD).status)
        self.assertEqual(201, self.send(
            GOOD + b'rest', CONTENT_LENGTH=str(len(GOOD))).status)

    def test_a_body_that_is_cut_short_is_refused(self):
        self.refuse(408, self.send(GOOD, CONTENT_LENGTH='500'), 'arrive')
        self.refuse(408, self.send(GOOD, wsgi__input=bodies.BrokenStream()))
        self.assertEqual([], self.rows())

    def test_a_length_that_is_no_number_is_refused(self):
        for length in ('-1', '+23', 'abc', '1.5', '0x10', ' 5', '٢',
                       '1_0'):
            self.refuse(400, self.send(GOOD, CONTENT_LENGTH=length),
                        'Content-Length')

    def test_a_body_that_is_too_large_is_not_even_read(self):
        for length in ('1048577', '9' * 19, '9' * 40, '9' * 5000):
            self.refuse(413, self.send(
                GOOD, CONTENT_LENGTH=length,
                wsgi__input=bodies.BrokenStream()),
                '1048576')

    def test_a_body_in_chunks_has_no_length(self):
        chunked = {'CONTENT_LENGTH': None, 'wsgi__input_terminated': True}
        self.assertEqual(201, self.send(GOOD, **chunked).status)
        self.api.configuration.set('max_request_body_size', 1024,
                                   group='api')
        self.refuse(413, self.send(b' ' * 1025, **chunked), '1024')

    def test_without_length_and_chunks_there_is_no_body(self):
        for length in (None, '', '0'):
            self.refuse(400, self.send(GOOD, CONTENT_LENGTH=length), 'body')
        self.refuse(400, self.send(b'', CONTENT_TYPE=None), 'body')

    def test_a_large_extra_is_kept_up_to_the_bound(self):
        extra = {'a': 'é😀' * 100000}
        answer = self.send(json.dumps(
            {'resource_class': 'x', 'extra': extra},
            ensure_ascii=False).encode())
        self.assertEqual(201, answer.status)
        self.assertEqual(extra, self.show(answer.body['uuid'])['extra'])


class TypeTests(bodies.BodyTestCase):

    def test_json_has_two_names(self):
        for kind in ('application/json', 'APPLICATION/JSON',
                     'application/json; charset=utf-8', 'application/json;',
                     'application/json-patch+json'):
            self.assertEqual(201, self.send(GOOD, CONTENT_TYPE=kind).status)

    def test_other_types_are_refused(self):
        for kind in (None, '', 'text/plain', 'application/xml', 'json',
                     'application/x-www-form-urlencoded', 'a/b;c=\xff',
                     'multipart/form-data; boundary=x'):
            self.refuse(415, self.send(GOOD, CONTENT_TYPE=kind),
                        'application/json')
        self.assertEqual([], self.rows())


class JsonTests(bodies.BodyTestCase):

    def assert_no_json(self, raw, *words):
        self.refuse(400, self.send(raw), *words)
        self.assertEqual([], self.rows())

    def test_what_is_no_json_is_refused(self):
        for raw in (b'{', b'}', b'{"a"}', b'{"resource_class": "x",}',
                    b"{'resource_class': 'x'}", GOOD + b'x', GOOD + GOOD,
                    b'// comment\n' + GOOD, b'{"resource_class": "\n"}',
                    b'{"resource_class": 01}', b'\x00', b' '):
            self.assert_no_json(raw, 'not valid JSON')

    def test_only_utf_8_is_read(self):
        text = GOOD.decode()
        for raw in (b'\xef\xbb\xbf' + GOOD, text.encode('utf-16'),
                    text.encode('utf-16-le'), text.encode('utf-32'),
                    b'{"resource_class": "\xff"}',
                    b'{"resource_class": "\xed\xa0\x80"}',
                    b'{"resource_class": "\xc0\x80"}'):
            self.assert_no_json(raw, 'not valid JSON')

    def test_only_an_object_is_read(self):
        for raw in (b'[]', b'null', b'"x"', b'1', b'true', b'[{}]'):
            self.assert_no_json(raw, 'object')

    def test_a_name_that_occurs_twice_is_refused(self):
        # Which of them counts differs from parser to parser.
        self.assert_no_json(
            b'{"resource_class": "x", "resource_class": "y"}',
            'resource_class', 'twice')
        self.assert_no_json(
            b'{"resource_class": "x", "extra": {"a": {"b": 1, "b": 1}}}',
            '"b"', 'twice')

    def test_numbers_are_numbers(self):
        for number in (b'NaN', b'Infinity', b'-Infinity', b'1e400',
                       b'-1e400', b'9' * 5000):
            self.assert_no_json(
                b'{"resource_class": "x", "extra": {"a": %s}}' % number)

    def test_large_and_small_numbers_are_kept(self):
        for number in (10 ** 100, -10 ** 100, 1e308, 5e-324, 0.1, -0.0):
            answer = self.send(json.dumps(
                {'resource_class': 'x', 'extra': {'a': number}}).encode())
            self.assertEqual(repr(number), repr(
                self.show(answer.body['uuid'])['extra']['a']))

    def test_deep_nesting_is_refused(self):
        for depth in (33, 1000, 100000):
            self.assert_no_json(
                b'{"resource_class": "x", "extra": {"a": %s}}'
                % (b'[' * depth + b']' * depth), 'deep')
            self.assert_no_json(b'{"a":' * depth + b'1' + b'}' * depth,
                                'deep')
            self.assert_no_json(b'[' * depth)

    def test_some_nesting_is_kept(self):
        extra = {}
        for _ in range(29):
            extra = {'a': [], 'b': extra}
        answer = self.send(json.dumps(
            {'resource_class': 'x', 'extra': extra}).encode())
        self.assertEqual(extra, self.show(answer.body['uuid'])['extra'])

    def test_the_depth_is_configured(self):
        self.api.configuration.set('max_json_depth', 8, group='api')
        self.assert_no_json(b'{"resource_class": "x", "extra": '
                            + b'{"a":' * 8 + b'1' + b'}' * 8 + b'}', '8')
