# SPDX-License-Identifier: Apache-2.0
""".zuul.yaml names jobs, environments and playbooks that there are."""

import configparser
import re

from oslotest import base
import yaml

from allocator.tests.unit.docs import checkout

# Of openstack-zuul-jobs: what each OpenStack project has.
TEMPLATES = {'api-ref-jobs', 'check-requirements', 'openstack-cover-jobs',
             'openstack-python3-jobs', 'publish-openstack-docs-pti',
             'release-notes-jobs-python3'}

# Environments of tox that the jobs of these templates run.
TEMPLATE_ENVIRONMENTS = {'api-ref', 'cover', 'docs', 'pdf-docs', 'pep8', 'py3',
                         'releasenotes'}


def names_of(jobs):
    """List the names in a pipeline's list of jobs."""
    return [name for job in jobs
            for name in ([job] if isinstance(job, str) else job)]


def environments():
    """List the environments of tox.ini, factors spelt out."""
    parser = configparser.RawConfigParser()
    parser.read(checkout.ROOT / 'tox.ini')
    found = {'py3'}
    for section in parser.sections():
        name = section.removeprefix('testenv:')
        stem, _, factors = name.partition('{')
        found.update(stem + factor
                     for factor in factors.rstrip('}').split(','))
    return found


class ZuulTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        items = yaml.safe_load((checkout.ROOT / '.zuul.yaml').read_text())
        self.jobs = {item['job']['name']: item['job']
                     for item in items if 'job' in item}
        [self.project] = [item['project'] for item in items
                          if 'project' in item]

    def pipelines(self):
        return {name: names_of(pipeline['jobs'])
                for name, pipeline in self.project.items()
                if name != 'templates'}

    def test_the_templates_of_each_openstack_project(self):
        self.assertEqual(sorted(TEMPLATES), self.project['templates'])
        self.assertLessEqual(TEMPLATE_ENVIRONMENTS, environments())

    def test_own_jobs_are_defined_and_run(self):
        named = {name for names in self.pipelines().values()
                 for name in names if name.startswith('allocator-')}
        self.assertLessEqual(named, set(self.jobs))
        self.assertEqual(
            {name for name, job in self.jobs.items()
             if not job.get('abstract')}, named)

    def test_what_gates_is_checked_before(self):
        pipelines = self.pipelines()
        self.assertLessEqual(set(pipelines['gate']), set(pipelines['check']))

    def test_environments_and_playbooks_exist(self):
        for job in self.jobs.values():
            environment = job.get('vars', {}).get('tox_envlist')
            if environment and 'tempest' not in job['name']:
                self.assertIn(environment, environments())
            for kind in ('pre-run', 'run', 'post-run'):
                if kind in job:
                    self.assertTrue((checkout.ROOT / job[kind]).exists())

    def test_each_promised_python_is_checked(self):
        promised = re.findall(r'Python :: 3\.(\d+)$', (
            checkout.ROOT / 'setup.cfg').read_text(), re.MULTILINE)
        self.assertTrue(promised)
        for minor in promised:
            for pipeline in ('check', 'gate'):
                self.assertIn('openstack-tox-py3' + minor,
                              self.pipelines()[pipeline])
