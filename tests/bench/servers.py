# SPDX-License-Identifier: Apache-2.0
"""Who is measured: our httpd, the rivals, and what they cost in CPU time."""
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import requests

from harness import BASE, PROJECT, await_condition
from harness.httpd import Httpd, free_port, is_alive

# A child for each core. httpd closes kept-alive connections while all threads of a child are busy, so each has more threads than
# any load has connections.
THREADED = ("StartServers 2\nServerLimit 2\nThreadLimit 544\nThreadsPerChild 544\nMinSpareThreads 1\nMaxSpareThreads 1088\n"
            "MaxRequestWorkers 1088\n")
PROCESSES = "StartServers 40\nMinSpareServers 1\nMaxSpareServers 40\nServerLimit 40\nMaxRequestWorkers 40\n"
ONE_CHILD = "StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMinSpareThreads 1\nMaxSpareThreads 64\nMaxRequestWorkers 64\n"
EVERY_SERVER = "MaxKeepAliveRequests 0\nTMFCustomerNotifyAllow 127.0.0.0/8\n"
CUSTOMERS = f"{BASE}/customer"
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and all below it."""
    children = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def times(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0, 0, 0, 0]
    return [int(field) / TICKS for field in fields[11:15]]


def cpu_seconds(pid):
    """What a process, those below it, and its children of earlier have used."""
    return sum(sum(times(member)[:2]) for member in family(pid)) + sum(times(pid)[2:])


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


class OurServer:
    """An httpd with the module; `/constant` and `/static` are what it can do without."""

    name, events = "mod_tmf_customer", "tmf_customer.event_id"

    def __init__(self, database, mpm, settings, document=None, location=""):
        outside = ""
        if document is not None:
            outside = (f'LoadModule bench_constant_module "{os.environ["TMF_BENCH_MODULE"]}"\nBenchConstant "{document}"\n'
                       f'<Location "/constant">\nSetHandler bench-constant\n</Location>\nDocumentRoot "{document.parent}"\n')
        self.httpd = Httpd(database, mpm=mpm, server=settings + EVERY_SERVER, outside=outside, location=location, connections=32)
        self.httpd.start()
        self.port = self.httpd.port

    @property
    def pid(self):
        return self.httpd.pid()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def listen(self, callback):
        reply = requests.post(self.url(f"{BASE}/hub"), json={"callback": callback})
        assert reply.status_code == 201, reply.text

    def close(self):
        self.httpd.remove()


class Rival:
    """Another server with tables of its own beside ours, filled with the same documents."""

    table, events = "customers", "outbox_position_seq"  # of customers (id, document); the sequence of events
    schema = PROJECT / "tests" / "bench" / "rival" / "schema.sql"
    changes_elements = False  # by JSON Patch

    def __init__(self, postgres, database):
        self.port, self.role = free_port(), self.name.replace("-", "_")
        self.table, self.events = f"{self.role}.{self.table}", f"{self.role}.{self.events}"
        self.directory = Path(os.environ["TMF_TMP"]) / self.role
        shutil.copytree(self.source, self.directory)
        command = self.build()
        self.fill(postgres, database)
        environment = {**os.environ, "DATABASE_URL": self.address(postgres.root, database), "PORT": str(self.port), "OUTBOX": "1"}
        self.process = subprocess.Popen(command, cwd=self.directory, env=environment)
        await_condition(self.answers, f"{self.name} answers", 30)

    @classmethod
    def what_is_missing(cls):
        """Why it cannot run here; None = it can."""
        return None

    def fill(self, postgres, database):
        postgres.execute(f"CREATE ROLE {self.role} LOGIN; CREATE SCHEMA {self.role} AUTHORIZATION {self.role}", database)
        subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", self.role, "-d", database, "-f", self.schema], check=True)
        postgres.execute(f"INSERT INTO {self.table} SELECT id, doc || jsonb_build_object('id', id, 'href', %s || id)"
                         " FROM tmf_customer.customer", database, (self.url(f"{CUSTOMERS}/"),))
        postgres.execute(f"VACUUM ANALYZE {self.table}", database)

    @property
    def pid(self):
        return self.process.pid

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self):
        try:
            return requests.get(self.url(f"{CUSTOMERS}?limit=1")).ok
        except requests.ConnectionError:
            assert self.process.poll() is None, f"{self.name} has ended"
            return False

    def close(self):
        members = family(self.pid)
        self.process.terminate()
        self.process.wait(timeout=30)
        await_condition(lambda: not any(map(is_alive, members)), f"{self.name} ends")


class NodeRival(Rival):
    name, source = "rival", PROJECT / "tests" / "bench" / "rival"

    def language(self):
        return f"Node {first_line('node', '--version')}"

    def build(self):
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=self.directory, check=True, capture_output=True)
        return ["node", "server.js"]

    def address(self, host, database):
        return f"postgres://{self.role}@{quote(str(host), safe='')}/{database}"


class OtherNodeRival(NodeRival):
    name, source = "fastify-pg", PROJECT.parent / "shared" / "peers" / "fastify-pg"
    schema = source / "schema.sql"
    table, events = "customer", "event_outbox_seq_seq"


class GoRival(Rival):
    name, source = "rival-go", PROJECT / "tests" / "bench" / "rival-go"
    changes_elements = True
    LIBRARIES = Path("/usr/share/gocode")  # where Debian has them
    NEEDED = ("jackc/pgconn", "valyala/fasthttp")

    @classmethod
    def what_is_missing(cls):
        if not shutil.which("go"):
            return "Go is not installed"
        missing = [name for name in cls.NEEDED if not (cls.LIBRARIES / "src" / "github.com" / name).is_dir()]
        return f"Go's {', '.join(missing)} is not installed" if missing else None

    def language(self):
        return first_line("go", "version").removeprefix("go version ").split()[0]

    def build(self):
        own = Path(os.environ["TMF_TMP"]) / "go"
        environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": f"{own}:{self.LIBRARIES}", "GOCACHE": str(own / "cache")}
        subprocess.run(["go", "build", "-o", "server", "."], cwd=self.directory, env=environment, check=True)
        return [self.directory / "server"]

    def address(self, host, database):
        return f"host={host} user={self.role} dbname={database}"


def rivals(postgres, database):
    """Ours, and that of ../shared where it is; whoever of ours cannot run is named."""
    found = []
    for kind in (NodeRival, GoRival, OtherNodeRival):
        missing = kind.what_is_missing()
        if missing:
            print(f"\n{kind.name} is left out: {missing}.", flush=True)
        elif kind.source.is_dir():
            found.append(kind(postgres, database))
    return found
