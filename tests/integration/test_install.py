# SPDX-License-Identifier: Apache-2.0
"""`make install` into a stock Debian apache2: a2enmod, configtest, Basic auth, TLS, and away again."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from harness import BASE, PATIENCE, PROJECT, await_condition, is_root
from harness.client import Api, check_error, path_of
from harness.httpd import ErrorLog, free_port, module_file
from harness.postgres import RUNTIME

EXAMPLES = PROJECT / "conf" / "examples"
BUILD = module_file().parent if "TMF_MODULE" in os.environ else None
SITE = """
Listen 127.0.0.1:{port}
DBDriver pgsql
DBDParams "host={postgres} dbname={database} user={runtime} connect_timeout=2"
<VirtualHost *:{port}>
    ServerName localhost
    SSLEngine on
    SSLCertificateFile {etc}/test.pem
    SSLCertificateKeyFile {etc}/test.key
    <Location "{base}">
        SetHandler tmf-customer
        AuthType Basic
        AuthName Customers
        AuthUserFile {etc}/htpasswd
        Require valid-user
    </Location>
    <Location "{base}/customer/secret">
        Require user nobody
    </Location>
</VirtualHost>
"""


class DebianApache:
    """A copy of /etc/apache2 that a2enmod and apachectl work on; the module is installed into it."""

    def __init__(self, root):
        self.root = root
        self.etc = root / "etc"
        shutil.copytree("/etc/apache2", self.etc, symlinks=True)
        for name in ["run", "lock", "log"]:
            (root / name).mkdir()
        self.port = free_port()
        self.log = ErrorLog(root / "log" / "error.log")
        (self.etc / "envvars").write_text(
            f"export APACHE_CONFDIR={self.etc}\nexport APACHE_RUN_USER=www-data\n"
            f"export APACHE_RUN_GROUP=www-data\nexport APACHE_PID_FILE={root}/run/apache2.pid\n"
            f"export APACHE_RUN_DIR={root}/run\nexport APACHE_LOCK_DIR={root}/lock\n"
            f"export APACHE_LOG_DIR={root}/log\nexport LANG=C\n")
        (self.etc / "ports.conf").write_text("")
        (self.etc / "sites-enabled" / "000-default.conf").unlink(missing_ok=True)
        conf = self.etc / "apache2.conf"
        conf.write_text("ServerName localhost\n" + conf.read_text())

    def run(self, *command, check=True):
        environment = {**os.environ, "APACHE_CONFDIR": str(self.etc),
                       "APACHE_ENVVARS": str(self.etc / "envvars"),
                       "APACHE_ARGUMENTS": f"-d {self.etc}"}
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=PATIENCE,
                              env=environment)

    def install(self):
        """make install with the places of the copy."""
        self.run("make", "-C", str(BUILD), "install", f"moduledir={self.root}/modules",
                 f"confdir={self.etc}/mods-available", f"sqldir={self.root}/sql",
                 f"examplesdir={self.root}/examples",
                 f"libdir={self.root}/lib")

    def pid(self):
        path = self.root / "run" / "apache2.pid"
        return int(path.read_text()) if path.exists() else None


@pytest.fixture
def apache(tmp_path, postgres):
    if not is_root():
        pytest.skip("needs root: Debian's apachectl switches users")
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND"):
        pytest.skip("the stock server is tried once, without instruments")
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    server = DebianApache(tmp_path / "apache")
    yield server
    if server.pid():
        server.run("apachectl", "stop")
        await_condition(lambda: server.pid() is None, "apache2 stops")
    wrong = server.log.check()
    assert not wrong, "\n".join(wrong)


def certificate(etc):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", f"{etc}/test.key", "-out", f"{etc}/test.pem"],
                   check=True, capture_output=True)


def test_a_staged_installation_has_every_file(tmp_path):
    if BUILD is None or not (BUILD / "Makefile").exists():
        pytest.skip("the module was not built with make")
    subprocess.run(["make", "-C", str(BUILD), "install", f"DESTDIR={tmp_path}"], check=True,
                   capture_output=True)
    installed = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"mod_tmf_customer.so", "tmf_customer.load", "tmf_customer.conf", "install.sql",
            "001_customer.sql", "002_query.sql", "grants.sql", "listeners.sql"} <= installed
    assert next(tmp_path.rglob("install.sql")).parent / "functions" / "listeners.sql" in tmp_path.rglob("*.sql")
    examples = {path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file()}
    place = next(tmp_path.rglob("mod_tmf_customer/examples"))
    assert {path.relative_to(place) for path in place.rglob("*") if path.is_file()} == examples
    load = next(tmp_path.rglob("tmf_customer.load")).read_text()
    assert "# Depends: dbd" in load
    module = load.split()[-1]
    assert Path(f"{tmp_path}{module}").exists()
    subprocess.run(["make", "-C", str(BUILD), "uninstall", f"DESTDIR={tmp_path}"], check=True,
                   capture_output=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_stock_debian_apache_serves_behind_basic_auth_and_tls(apache, new_database):
    postgres, database = new_database()
    etc = apache.etc
    apache.install()
    load = (etc / "mods-available" / "tmf_customer.load")
    load.write_text(load.read_text().replace(load.read_text().split()[-1],
                                             f"{apache.root}/modules/mod_tmf_customer.so"))
    for module in ["tmf_customer", "ssl", "auth_basic"]:
        apache.run("a2enmod", module)
    assert (etc / "mods-enabled" / "dbd.load").exists(), "a2enmod follows Depends"
    certificate(etc)
    (etc / "htpasswd").write_text("tom:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    (etc / "sites-enabled" / "crm.conf").write_text(SITE.format(
        port=apache.port, postgres=postgres.root, database=database, runtime=RUNTIME, etc=etc,
        base=BASE))
    result = apache.run("apachectl", "configtest")
    assert "Syntax OK" in result.stderr
    apache.run("apachectl", "start")
    await_condition(apache.pid, "apache2 starts")
    api = Api(f"https://localhost:{apache.port}{BASE}")
    api.session.verify = False  # a certificate of the test's own

    def answers():
        try:
            return api.get("/customer").status_code
        except requests.ConnectionError:
            return None
    apache.log.expect("AH01882|AH00489")  # Debian's mod_ssl may be newer than its OpenSSL
    assert await_condition(answers, "apache2 answers") == 401
    api.session.auth = ("tom", "password")
    made = api.create()
    assert made["href"] == f"https://localhost:{apache.port}{BASE}/customer/{made['id']}"
    assert api.get(path_of(made)).json() == made
    secret = api.get("/customer/secret")
    check_error(secret)
    assert secret.status_code in (401, 403)
    apache.log.expect("AH01631|user tom: authorization failure")

    apache.run("a2dismod", "tmf_customer")
    (etc / "sites-enabled" / "crm.conf").unlink()
    assert "Syntax OK" in apache.run("apachectl", "configtest").stderr
