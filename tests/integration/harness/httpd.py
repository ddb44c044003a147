# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import BASE, PATIENCE, await_condition, is_root
from .postgres import RUNTIME

MODULES = Path("/usr/lib/apache2/modules")
APACHE = "/usr/sbin/apache2"
# ServerLimit has places for the children of former generations.
MPM_SETTINGS = {
    "event": "StartServers 2\nThreadsPerChild 16\nMinSpareThreads 16\nMaxSpareThreads 64\n"
             "MaxRequestWorkers 64\nServerLimit 16",
    "worker": "StartServers 2\nThreadsPerChild 16\nMinSpareThreads 16\nMaxSpareThreads 64\n"
              "MaxRequestWorkers 64\nServerLimit 16",
    "prefork": "StartServers 8\nMinSpareServers 4\nMaxSpareServers 16\nMaxRequestWorkers 32",
}


def module_file():
    return Path(os.environ["TMF_MODULE"])


def free_port():
    """Below the ports that the system gives away by itself, so that nobody gets it before httpd binds it."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def sanitizer_library(name):
    return subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True,
                          text=True).stdout.strip()


class Httpd:
    """An httpd with a ServerRoot of its own; `log` is its ErrorLog."""

    def __init__(self, database, *, mpm=None, location="", server="", outside="", dbd="",
                 connections=16, modules=(), environment=None, module=None):
        """database: (Postgres, name). location, server, outside: directives within the API's
        <Location>, in the main server, and below them. environment: variables of httpd beside the test's.
        module: another file than the one that is tested."""
        self.root = Path(tempfile.mkdtemp(prefix="tmf-httpd-", dir=os.environ.get("TMF_TMP")))
        self.root.chmod(0o755)
        self.reports = self.root / "reports"  # of the sanitizers, which the children write, too
        self.reports.mkdir()
        self.reports.chmod(0o777)
        self.mpm = mpm or os.environ.get("TMF_MPM", "event")
        self.port = free_port()
        self.database = database
        self.foreground = None
        self.log = ErrorLog(self.root / "error.log")
        self.settings = {"location": location, "server": server, "outside": outside, "dbd": dbd,
                         "connections": connections, "modules": modules,
                         "environment": environment or {}, "module": module or module_file()}
        self.write_configuration()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{BASE}"

    def database_directives(self, database):
        postgres, name = database
        return (f'DBDriver pgsql\nDBDParams "host={postgres.root} dbname={name} user={RUNTIME}'
                f' connect_timeout=2"\nDBDMin 0\nDBDKeep {self.settings["connections"]}\n'
                f'DBDMax {self.settings["connections"]}\n{self.settings["dbd"]}')

    def write_configuration(self):
        names = [f"mpm_{self.mpm}", "authz_core", "dbd", *self.settings["modules"]]
        loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names)
        (self.root / "httpd.conf").write_text(f"""
ServerRoot "{self.root}"
PidFile httpd.pid
CoreDumpDirectory "{self.root}"
ServerName localhost
Listen 127.0.0.1:{self.port}
{"User www-data" if is_root() else ""}
{"Group www-data" if is_root() else ""}
{loads}
LoadModule tmf_customer_module "{self.settings["module"]}"
ErrorLog error.log
LogLevel warn mpm_{self.mpm}:notice
TraceEnable Off
Mutex sem default
GracefulShutdownTimeout 10
{MPM_SETTINGS[self.mpm]}
{self.database_directives(self.database)}
{self.settings["server"]}
<Location "{BASE}">
    SetHandler tmf-customer
    {"" if "Require" in self.settings["location"] else "Require all granted"}
    {self.settings["location"]}
</Location>
{self.settings["outside"]}
""")

    def environment(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment.update(self.settings["environment"])
        if os.environ.get("TMF_ASAN"):
            environment["LD_PRELOAD"] = " ".join([
                *(sanitizer_library(name) for name in ("libasan.so", "libubsan.so")), environment.get("LD_PRELOAD", "")])
            environment["ASAN_OPTIONS"] = (
                f"use_sigaltstack=0:detect_leaks=0:log_path={self.reports}/sanitizer")
            environment["UBSAN_OPTIONS"] = (
                f"print_stacktrace=1:halt_on_error=1:log_path={self.reports}/sanitizer")
        return environment

    def control(self, command, check=True):
        done = subprocess.run([APACHE, "-f", str(self.root / "httpd.conf"), "-k", command],
                              capture_output=True, text=True, timeout=PATIENCE, env=self.environment())
        assert done.returncode == 0 or not check, f"httpd -k {command}: {done.stderr}{self.log.text()}"
        return done

    def configtest(self):
        return subprocess.run([APACHE, "-f", str(self.root / "httpd.conf"), "-t"], capture_output=True, text=True,
                              timeout=PATIENCE, env=self.environment())

    def start(self):
        if os.environ.get("TMF_VALGRIND"):
            self.start_under_valgrind()
        else:
            self.control("start")
        await_condition(lambda: self.accepts() and (self.is_running() or self.foreground), "httpd serves")
        return self

    def start_under_valgrind(self):
        command = ["valgrind", "--quiet", "--vgdb=no", "--num-callers=40", "--leak-check=full",
                   "--errors-for-leak-kinds=none", "--show-leak-kinds=none", f"--log-file={self.reports}/sanitizer.valgrind.%p",
                   APACHE, "-X", "-f", str(self.root / "httpd.conf")]
        self.foreground = subprocess.Popen(command, env=self.environment())

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def pid(self):
        try:
            return int((self.root / "httpd.pid").read_text())
        except FileNotFoundError:
            return None

    def is_running(self):
        pid = self.pid()
        return pid is not None and Path(f"/proc/{pid}").exists()

    def children(self):
        if self.foreground is not None:
            return []
        pid = self.pid()
        return [int(child) for child in
                Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self):
        """kill -9 of every process; the parent is stopped first, so that none is born meanwhile."""
        os.kill(self.pid(), signal.SIGSTOP)
        processes = [self.pid(), *self.children()]
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        await_condition(lambda: not any(map(is_alive, processes)) and not self.accepts(), "httpd is dead")
        # Until somebody reaps the parent, httpd would take it for one that runs.
        (self.root / "httpd.pid").unlink()

    def kill_a_child(self):
        """Unless it ends by itself just now."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(await_condition(self.children, "children")), signal.SIGKILL)

    def stop(self, how="stop"):
        """how: stop or graceful-stop. Waits until every process is gone."""
        if self.foreground is not None:
            self.foreground.terminate()
            self.foreground.wait(timeout=PATIENCE)
        elif self.is_running():
            processes = [self.pid(), *self.children()]
            self.signal_until_gone(processes, signal.SIGTERM if how == "stop" else signal.SIGWINCH)

    @staticmethod
    def signal_until_gone(processes, number):
        """httpd forgets a signal that comes just when it has said that it resumes normal operations."""
        sent = 0

        def gone():
            nonlocal sent
            if time.monotonic() > sent + 10 and is_alive(processes[0]):
                os.kill(processes[0], number)
                sent = time.monotonic()
            return not any(map(is_alive, processes))
        await_condition(gone, "httpd stops")

    def end(self):
        """The stop between tests. The plain stop of the event MPM has a race of its own: it looks at sockets
        that workers are closing, and now and then crashes (close_worker_sockets)."""
        self.stop("graceful-stop")

    def generations(self):
        return self.log.path.read_text(errors="replace").count("resuming normal operations")

    def graceful(self):
        self.restart("graceful")

    def restart(self, how="restart"):
        """Returns when the new generation has taken over (httpd forgets signals that come before) and no child of
        the one before accepts connections, which it would answer by its own configuration."""
        before, children = self.generations(), self.children()
        self.control(how)
        await_condition(lambda: self.generations() > before and self.accepts(),
                        "the new generation of children serves", 30)
        await_condition(lambda: not any(map(self.listens, children)), "the children of before accept no more", 30)

    def listens(self, child):
        """Whether this process has a socket open that listens on the server's port."""
        sockets = {f"socket:[{fields[9]}]" for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines())
                   if fields[1].endswith(f":{self.port:04X}") and fields[3] == "0A"}
        return any(link in sockets for link in open_files(child))

    def sanitizer_reports(self):
        """What the sanitizers and valgrind say of us."""
        reports = [path.read_text() for path in self.reports.glob("sanitizer.[0-9]*")]
        reports += [valgrind_reports(path.read_text())
                    for path in self.reports.glob("sanitizer.valgrind.*")]
        return "".join(reports)

    def remove(self):
        self.end()
        shutil.rmtree(self.root, ignore_errors=True)


def valgrind_reports(text):
    """Those with a function of ours in a stack: httpd -X destroys its pools while its threads still run."""
    blocks = re.split(r"^==\d+== *$", text, flags=re.MULTILINE)
    return "".join(block for block in blocks if "tmf_" in block)


def open_files(pid):
    """What /proc says of the process' descriptors: "socket:[inode]", a path, …; nothing when it is gone."""
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(entry)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class ErrorLog:
    """The error log as an assertion: whatever a test did not announce fails it."""

    # event says the former now and then when it is stopped while connections are handed over; the latter is about
    # few connections, which tests choose on purpose.
    HARMLESS = re.compile("AH(0309[23]|03465): .*apr_pollset_add failure|TMF0166")
    TROUBLE = re.compile(r"\[[^\]]*:(warn|error|crit|alert|emerg)\]|exit signal|child .* exited")

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.expected = []
        self.allowed = []

    def text(self):
        if not self.path.exists():
            return ""
        with open(self.path, errors="replace") as log:
            log.seek(self.position)
            return log.read()

    def expect(self, pattern):
        """Announces lines that match; at least one has to come."""
        self.expected.append(re.compile(pattern))

    def allow(self, pattern):
        """Announces lines that match; none has to come."""
        self.allowed.append(re.compile(pattern))

    def contains(self, pattern):
        return re.search(pattern, self.text()) is not None

    def check(self):
        """Ends a test: returns what is wrong, and starts anew."""
        text = self.text()
        self.position += len(text.encode(errors="replace"))
        expected, self.expected = self.expected, []
        allowed, self.allowed = self.allowed, []
        announced = [*expected, *allowed, self.HARMLESS]
        wrong = [f"unexpected: {line}" for line in text.splitlines() if self.TROUBLE.search(line)
                 and not any(pattern.search(line) for pattern in announced)]
        wrong += [f"missing: {pattern.pattern}" for pattern in expected
                  if not any(pattern.search(line) for line in text.splitlines())]
        return wrong
