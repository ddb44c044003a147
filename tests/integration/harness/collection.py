# SPDX-License-Identifier: Apache-2.0
from .client import Api
from .httpd import Httpd
from .postgres import OWNER


class Collection:
    """A server with a database of its own, for tests that fill it again and again."""

    def __init__(self, postgres, name, **settings):
        self.server = Httpd((postgres, postgres.create_database(name)), **settings).start()
        self.owner = postgres.connect(name, OWNER)
        self.port, self.url = self.server.port, self.server.url

    def fill(self, bodies):
        """Empties it and creates these customers: (api, their representations)."""
        self.owner.cursor().execute("TRUNCATE tmf_customer.customer")
        api = Api(self.url)
        return api, [api.create(**body) for body in bodies]

    def close(self):
        self.owner.close()
        wrong = self.server.log.check()
        self.server.remove()
        assert not wrong, wrong
