# SPDX-License-Identifier: Apache-2.0
"""The installation of conf/README.md, line by line, in a fresh Debian with its own apache2 and postgresql."""
import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import BASE, PATIENCE, PROJECT, is_root
from harness.documents import blocks_of

pytestmark = pytest.mark.xdist_group("debian")  # one worker sets it up

INSTALL, SITE, FIRST_REQUESTS, BACK_UP, UPGRADE, TAKE_AWAY = [block.text for block in blocks_of("a fresh Debian")]
COUNT_THE_COPY = """
echo "customers in the copy: $(runuser -l postgres -c 'psql -XAtd crm_copy -c "SELECT count(*) FROM tmf_customer.customer"')"
runuser -l postgres -c 'dropdb crm_copy'
"""
SITE_FILE = "/etc/apache2/conf-available/customers.conf"

MIRROR = "http://deb.debian.org"
ARCHIVES = Path("/var/cache/apt/archives")
# A network, processes and mounts of its own: ports are free, and nothing outlives the last line.
ENTER = """
mount --rbind /dev "$ROOT/dev" && mount -t proc proc "$ROOT/proc" && ip link set lo up || exit 1
exec chroot "$ROOT" /bin/bash -euo pipefail -c "cd /root/clone; $LINES"
"""


class Debian:
    """A root directory with Debian's smallest set of packages."""

    def __init__(self, root, codename):
        self.root = root
        self.call("debootstrap", "--variant=minbase", f"--cache-dir={ARCHIVES}", codename, root, f"{MIRROR}/debian")
        (root / "etc/apt/sources.list").write_text(
            f"deb {MIRROR}/debian {codename} main\ndeb {MIRROR}/debian {codename}-updates main\n"
            f"deb {MIRROR}/debian-security {codename}-security main\n")
        # As if it were booted: packages start their services.
        self.write("/sbin/runlevel", "#!/bin/sh\necho N 2\n")
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\n")
        self.copy_clone()

    def call(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def write(self, path, text):
        file = self.root / path.lstrip("/")
        file.write_text(text)
        file.chmod(0o755)

    def copy_clone(self):
        clone = self.root / "root/clone"
        names = self.call("git", "-c", f"safe.directory={PROJECT}", "-C", PROJECT, "ls-files", "-z", "--cached",
                          "--others", "--exclude-standard").stdout
        for name in filter(None, names.split("\0")):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, clone / name)

    def download(self, *sets):
        """What apt-get is going to install, while there is still a network; this machine may have it already."""
        for package in ARCHIVES.glob("*.deb"):
            with contextlib.suppress(OSError):
                os.link(package, self.root / str(ARCHIVES).lstrip("/") / package.name)
        self.call("chroot", self.root, "apt-get", "-q", "update")
        [named] = re.findall(r"^apt-get install -y (.*)$", INSTALL, re.MULTILINE)
        missing = self.call("chroot", self.root, "/root/clone/conf/install-packages.sh", "--missing", *sets).stdout
        self.call("chroot", self.root, "apt-get", "-q", "-y", "install", "--download-only", "--no-install-recommends",
                  *named.split(), *missing.split())
        self.call("chroot", self.root, "apt-get", "-q", "-y", "install", "--download-only", *named.split())

    def run(self, lines):
        result = self.attempt(lines)
        assert result.returncode == 0, f"{result.stdout[-6000:]}\n{result.stderr[-6000:]}"
        return result.stdout

    def attempt(self, lines):
        return subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER],
            capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                 "ROOT": str(self.root), "LINES": lines, "DEBIAN_FRONTEND": "noninteractive"})


@contextlib.contextmanager
def skipped_without_packages():
    try:
        yield
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs Debian's packages, from the network or from {ARCHIVES}: {error.stdout[-500:]}{error.stderr[-500:]}")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND") or os.environ.get("TMF_MPM", "event") != "event":
        pytest.skip("tried once, with the module as users build it and Debian's own MPM")
    if not is_root():
        pytest.skip("needs root: debootstrap and chroot")
    if not shutil.which("debootstrap"):
        pytest.skip("needs debootstrap")
    codename = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    with skipped_without_packages():
        machine = Debian(tmp_path_factory.mktemp("debian") / "root", codename.group(1))
    yield machine
    shutil.rmtree(machine.root)


def test_without_a_network_the_last_line_of_the_quickstart_says_so(fresh):
    result = fresh.attempt("conf/quickstart.sh --detach")
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].startswith("There is no network"), result.stderr
    assert "run/packages.log" in result.stderr and len(result.stderr.splitlines()) < 40


@pytest.fixture
def debian(fresh):
    with skipped_without_packages():
        fresh.download("build")
    return fresh


def test_the_way_into_an_existing_apache_works_as_printed(debian):
    write_site = f"cat >{SITE_FILE} <<'SITE'\n{SITE}SITE\n"
    seen = "echo; echo ---; "
    files = "find / -xdev -newer /root/began -type f \\( -name '*tmf_customer*' -o -path '*mod_tmf_customer*' \\) " \
            "-not -path '/root/*' -not -path '/var/lib/apache2/*'"
    output = debian.run(
        f"touch /root/began\n{INSTALL}{write_site}{FIRST_REQUESTS}{seen}{files}\n{seen}{BACK_UP}{COUNT_THE_COPY}{UPGRADE}"
        f"curl -sf -o /dev/null -w '%{{http_code}}\\n' -u \"tom:$PASSWORD\" http://localhost{BASE}/customer\n"
        f"{seen}{TAKE_AWAY}{seen}{files}\n"
        "curl -s -o /dev/null -w '%{http_code}\\n' http://localhost/\n"
        "curl -s -o /dev/null -w '%{http_code}\\n' http://localhost/tmf-api/customerManagement/v4/customer\n"
        "grep TMF0 /var/log/apache2/error.log || true\n")
    requests, installed, later, _, left = output.split("\n---\n")
    assert "customers in the copy: 1\n" in later and later.splitlines()[-1] == "200", later
    assert re.search(r'\{"id": ?"[^"]+", ?"href": ?"http://localhost/tmf-api/.*"name": ?"Moon Football Club"', requests), requests
    assert '"name":"Moon Football Club"' in requests.replace('": "', '":"').splitlines()[-1]
    assert "mod_tmf_customer.so" in installed and "install.sql" in installed
    assert left.split() == ["200", "404"], left
