# SPDX-License-Identifier: Apache-2.0
"""What GET S/metrics says, read by the parsers of Prometheus' own client library."""
from collections import defaultdict

import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from . import PATIENCE, await_condition

S = "/tmf-customer-status"
SECTION = f'<Location "{S}">\nSetHandler tmf-customer-status\nRequire all granted\n</Location>\n'
OPEN = "application/openmetrics-text; version=1.0.0"


class Scrape:
    """One scrape: scrape["requests_total", operation, code] is a number, 0 when there is no such line."""

    def __init__(self, text, is_open=False):
        self.text = text
        self.families = list((parse_openmetrics if is_open else parse_text)(text))
        self.values = defaultdict(float)
        for family in self.families:
            for sample in family.samples:
                name = sample.name.removeprefix("tmf_customer_")
                assert name != sample.name, sample
                key = (name, *(sample.labels[label] for label in sample.labels))
                assert key not in self.values, f"twice: {sample}"
                self.values[key] = sample.value

    def __getitem__(self, key):
        return self.values[key if isinstance(key, tuple) else (key,)]

    def __contains__(self, key):
        return (key if isinstance(key, tuple) else (key,)) in self.values

    def total(self, name):
        return sum(value for key, value in self.values.items() if key[0] == name)


def scrape(server, accept=None, host=None):
    reply = requests.get(f"http://127.0.0.1:{server.port}{S}/metrics",
                         headers={**({"Accept": accept} if accept else {}), **({"Host": host} if host else {})}, timeout=PATIENCE)
    assert reply.status_code == 200, reply.text
    scraped = Scrape(reply.text, "openmetrics" in reply.headers["Content-Type"])
    if "customers" not in scraped:
        server.log.allow("TMF002[02]: metrics: .*(57014|no answer in time)")
    return scraped


def whole_scrape(server, accept=None, host=None):
    """One with what only the database knows, which is left out when it takes more than a second to say."""
    return await_condition(lambda: "customers" in (scraped := scrape(server, accept, host)) and scraped, "the database answers in time")


class Difference:
    """What has changed since it was made. A request is counted when its reply is gone, so waiting is allowed."""

    def __init__(self, server, host=None):
        self.server, self.host = server, host
        self.before = whole_scrape(server, host=host)

    def changes(self, name):
        after = scrape(self.server, host=self.host)
        return {key[1:]: after[key] - self.before[key] for key in {*after.values, *self.before.values}
                if key[0] == name and after[key] != self.before[key]}

    def await_changes(self, name, expected):
        expected = {key if isinstance(key, tuple) else (key,): value for key, value in expected.items()}
        seen = None

        def is_so():
            nonlocal seen
            seen = self.changes(name)
            return seen == expected
        try:
            await_condition(is_so, name)
        except AssertionError as error:
            raise AssertionError(f"{name}: {seen} instead of {expected}") from error
