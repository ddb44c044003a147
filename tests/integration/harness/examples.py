# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: each file as it is shipped, with Debian's own lines for the modules that it says to enable."""
import re
import subprocess
from pathlib import Path

from . import PROJECT
from .client import Api, check_error

EXAMPLES = PROJECT / "conf" / "examples"
AVAILABLE = Path("/etc/apache2/mods-available")
IN_HARNESS = {"authz_core", "dbd", "mpm_event", "mpm_worker", "mpm_prefork"}
OWN_LINES = {"pcre"}  # the example says what is to stand in it


def with_dependencies(modules):
    """In the order in which they are to be loaded: a2enmod follows the same lines."""
    ordered = []
    for module in modules:
        if module in OWN_LINES:
            continue
        needs = re.search(r"^# Depends:(.*)$", (AVAILABLE / f"{module}.load").read_text(), re.MULTILINE)
        for one in [*with_dependencies(needs.group(1).split() if needs else []), module]:
            if one not in ordered:
                ordered.append(one)
    return ordered


def example(name, **defines):
    """Directives that include the file as it is; `defines` are the variables at its head, without CUSTOMER_."""
    text = (EXAMPLES / name).read_text()
    unknown = [key for key in defines if not re.search(f"<IfDefine !?CUSTOMER_{key.upper()}>", text)]
    assert not unknown, f"{name} has no {unknown}"
    values = "".join(f'Define CUSTOMER_{key.upper()} "{value}"\n' for key, value in defines.items())
    return f'{values}Include "{EXAMPLES / name}"\n'


def modules_of(*names):
    """Debian's own lines for the modules that the examples say to enable, and no others."""
    enabled = [module for name in names
               for line in re.findall(r"^# +a2enmod (.*)$", (EXAMPLES / name).read_text(), re.MULTILINE)
               for module in line.split()]
    files = [AVAILABLE / f"{module}{kind}" for module in with_dependencies(enabled) for kind in (".load", ".conf")
             if module not in IN_HARNESS and f"{module}{kind}" != "security2.conf"]
    return "Define APACHE_RUN_DIR .\n" + "".join(f"Include {file}\n" for file in files if file.exists())


def adapted(name, **changes):
    """The text of a file whose program knows no variables, with what is a machine's own changed."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.pop("lines").items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, str(new))
    return text


def api_of(server, name=None):
    api = Api(server.url)
    api.session.auth = name and (name, f"secret of {name}")
    return api


def readable(directory):
    """Also for httpd, which is another user."""
    for path in [directory, *directory.parents[:2]]:
        path.chmod(0o755)
    return directory


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--globoff", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def code_of(response):
    if response.status_code >= 400:
        check_error(response)
        return response.status_code, response.json()["code"]
    return response.status_code


def words(header):
    return set(re.split(r"\s*,\s*", header.lower()))


def openssl(*arguments, **options):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options)


def make_accounts(directory):
    """The variables of basic-auth.conf: alice and the program billing write, bob reads, eve neither."""
    for name, flags in [("alice", "-cbB"), ("bob", "-bB"), ("eve", "-bB")]:
        subprocess.run(["htpasswd", flags, directory / "passwords", name, f"secret of {name}"], check=True, capture_output=True)
    subprocess.run(["htpasswd", "-i", "-s", directory / "passwords", "billing"], input="secret of billing\n", check=True, capture_output=True,
                   text=True)
    (directory / "groups").write_text("writers: alice billing\nreaders: bob\n")
    return {"passwords": directory / "passwords", "groups": directory / "groups"}


def make_certificates(place):
    """server.pem and authority.pem, and clients' certificates NAME.pem; each key lies beside it."""
    def self_signed(name, subject, *extensions):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", subject,
                "-keyout", place / f"{name}.key", "-out", place / f"{name}.pem", *extensions)

    self_signed("server", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost")
    self_signed("authority", "/O=Example/CN=Authority of clients")
    for name, unit in [("billing", "writers"), ("sales", "writers"), ("reports", "readers")]:
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O=Example/OU={unit}/CN={name}",
                "-keyout", place / f"{name}.key", "-out", place / f"{name}.csr")
        openssl("x509", "-req", "-in", place / f"{name}.csr", "-CA", place / "authority.pem", "-CAkey", place / "authority.key",
                "-days", 2, "-out", place / f"{name}.pem")
    self_signed("stranger", "/O=Example/OU=writers/CN=billing")
    return place
