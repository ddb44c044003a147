# SPDX-License-Identifier: Apache-2.0
"""Where the tests put the status handler, and how they ask it."""
from .client import Api, check_error

S = "/tmf-customer-status"
SECTION = f'<Location "{S}">\nSetHandler tmf-customer-status\nRequire all granted\n</Location>\n'
HEALTH = "application/health+json"


def status_of(server, path=S):
    """A client for what is below `path`; errors are looked at."""
    api = Api(f"http://127.0.0.1:{server.port}{path}")

    def request(method, below="", **options):
        response = api.request(method, below, check=False, **options)
        if response.status_code >= 400 and not response.headers["Content-Type"].startswith(HEALTH):
            check_error(response, method == "HEAD")
        assert response.headers["Accept-Ranges"] == "none"
        return response
    return request
