# SPDX-License-Identifier: Apache-2.0
"""The API behind the proxies that stand before it as a rule, with what they do by default."""
import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import await_condition, is_root
from harness.client import Api, path_of
from harness.httpd import free_port, is_alive
from test_paging import ids, joined, links, walk


@contextlib.contextmanager
def nginx(port, target):
    """A path of its own leads to the API; nothing is set that changes what nginx does, but where its files are."""
    root = Path(tempfile.mkdtemp(prefix="tmf-nginx-"))
    root.chmod(0o755)
    (root / "nginx.conf").write_text(f"""
        pid {root}/pid;
        error_log {root}/error.log;
        {"user www-data;" if is_root() else ""}
        events {{ }}
        http {{
            access_log off;
            {" ".join(f"{kind}_temp_path {root}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
            server {{
                listen 127.0.0.1:{port};
                location /crm/v4/ {{ proxy_pass {target}/; }}
            }}
        }}""")
    subprocess.run(["/usr/sbin/nginx", "-c", root / "nginx.conf", "-p", root, "-e", root / "error.log"], check=True)
    pid = await_condition(lambda: (root / "pid").exists() and (root / "pid").read_text().strip(), "nginx runs")
    try:
        yield
    finally:
        subprocess.run(["kill", pid], check=True)
        await_condition(lambda: not is_alive(pid), "nginx stops")
        shutil.rmtree(root)


@pytest.fixture(params=["nginx", "mod_proxy"])
def outside(request, start_httpd):
    """The API as a client of the proxy sees it; hrefs are those of the server behind it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/crm/v4"
    server = start_httpd(location=f'TMFCustomerBaseURL "{url}"')
    if request.param == "mod_proxy":
        start_httpd(database=server.database, modules=("proxy", "proxy_http"), outside=f"""
            Listen 127.0.0.1:{port}
            <VirtualHost 127.0.0.1:{port}>
                ProxyPass "/crm/v4" "{server.url}" nocanon
            </VirtualHost>""")
        yield Api(url)
    else:
        with nginx(port, server.url):
            yield Api(url)


def test_links_can_be_followed(outside):
    made = [outside.create(name=f"n {i}", x="a&b;c,d%e\"f")["id"] for i in range(5)]
    query = "x=a%26b%3Bc%2Cd%25e%22f&name.regex=^n%20&filter=x[?(@!='%3C%3E')]&limit=2&sort=-name"
    first = outside.get(f"/customer?{query}")
    assert joined(walk(outside, f"/customer?{query}")) == made[::-1]
    assert all(url.startswith(f"{outside.url}/customer?") for url in links(first).values())
    assert ids(outside.get(links(first)["last"])) == made[:1]
    assert all(one["href"].startswith(f"{outside.url}/customer/") for one in first.json())


def query_of(length):
    """A condition that every customer meets."""
    values, number = [], 0
    while sum(len(value) + 1 for value in values) < length:
        values.append(f"customer {number}".ljust(min(length, 250), "v").replace(" ", "+"))
        number += 1
    return f"name.ne={','.join(values)[:length]}"


def test_queries_of_any_usual_length_can_be_paged(request, outside):
    """nginx takes 4 kB for all headers of a reply, mod_proxy 8 kB for each."""
    made = [outside.create(name=f"{'n' * 200} {i}", x=-i)["id"] for i in range(5)]
    for length in [10, 350, 700, 3000] + [7000] * ("mod_proxy" in request.node.name):
        for sort in ["", "&sort=name", "&sort=-x,name"]:
            pages = walk(outside, f"/customer?{query_of(length)}&limit=2{sort}")
            assert joined(pages) == made and len(pages) == 3


def test_a_change_is_seen_at_once(outside):
    path = path_of(outside.create(status="x"))
    for status in "abc":
        assert outside.patch(path, {"status": status}).status_code == 200
        assert outside.get(path).json()["status"] == status
