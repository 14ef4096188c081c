# SPDX-License-Identifier: Apache-2.0
"""The form of a table of microversions."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Resource:
    """What a resource has from which version on.

    :ivar since: the resource itself
    :ivar methods: HTTP methods that came later
    :ivar fields: fields of the answer that came later, also in ``fields=``
        and as sort keys
    :ivar inputs: attributes of a request's body that came later
    :ivar filters: query parameters that came later
    :ivar absent: fields, inputs and filters that the code has for another
        API, and this one in no version
    :ivar unknown_before: inputs and filters that are plainly unknown (400)
        in older versions; the others are "not acceptable" (406)
    :ivar hides_newer_fields: whether a newer field in ``fields=`` or
        ``sort_key=`` is plainly unknown (400), not "not acceptable" (406)
    :ivar refusals: HTTP status codes, by method, of what a version does not
        have, where they are not those of Api.refusal()
    """

    since: int = 0
    methods: dict = dataclasses.field(default_factory=dict)
    fields: dict = dataclasses.field(default_factory=dict)
    inputs: dict = dataclasses.field(default_factory=dict)
    filters: dict = dataclasses.field(default_factory=dict)
    absent: frozenset = frozenset()
    unknown_before: frozenset = frozenset()
    hides_newer_fields: bool = False
    refusals: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Api:
    """An API of this service.

    :ivar service_type: its name in the catalogue and in version headers
    :ivar prefix: path below which it lies, without a slash at its end
    :ivar least: minor number of its first version, which is also that of
        clients that ask for none
    :ivar greatest: minor number of its newest version
    :ivar resources: dict of Resource by name: the table
    """

    service_type: str
    prefix: str
    least: int
    greatest: int
    resources: dict

    def has_method(self, resource, method, minor):
        """Tell whether a resource has an HTTP method in a version.

        :param resource: name of a row of the table
        :param method: the HTTP method
        :param minor: minor number of the version
        """
        row = self.resources[resource]
        return minor >= max(row.since, row.methods.get(method, 0))

    def refusal(self, resource, method):
        """Tell the HTTP status code for a method that a version has not.

        :param resource: name of a row of the table
        :param method: the HTTP method
        """
        usual = 404 if method == 'GET' else 405
        return self.resources[resource].refusals.get(method, usual)

    def fields(self, resource, names, minor):
        """Select the fields that a resource shows in a version.

        :param names: iterable of all field names
        :returns: list of those names that the version knows
        """
        row = self.resources[resource]
        return [name for name in names if minor >= row.fields.get(name, 0)
                and name not in row.absent]

    def unknown(self, kind, resource, names, minor):
        """List names that came only after a version.

        :param kind: "inputs", "filters" or "fields"
        :param names: iterable of names
        :returns: list of (name, minor number of the version that brought it)
        """
        later = getattr(self.resources[resource], kind)
        return [(name, later[name]) for name in names
                if minor < later.get(name, 0)]

    def absent(self, resource, names):
        """List names that only another API knows.

        :param names: iterable of names
        """
        absent = self.resources[resource].absent
        return [name for name in names if name in absent]
