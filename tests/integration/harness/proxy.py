# SPDX-License-Identifier: Apache-2.0
import shutil
import socket
import tempfile
import threading
from pathlib import Path


class Proxy:
    """Stands between httpd and PostgreSQL, and can keep back what PostgreSQL answers. Otherwise it is
    that Postgres."""

    def __init__(self, postgres):
        self.postgres = postgres
        self.root = Path(tempfile.mkdtemp(prefix="tmf-proxy-"))
        self.root.chmod(0o755)
        self.passing = threading.Event()
        self.passing.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.root / ".s.PGSQL.5432"))
        (self.root / ".s.PGSQL.5432").chmod(0o777)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def __getattr__(self, name):
        return getattr(self.postgres, name)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.postgres.root / ".s.PGSQL.5432"))
            for source, target in [(client, server), (server, client)]:
                threading.Thread(target=self.pass_on, args=(source, target, source is server),
                                 daemon=True).start()

    def pass_on(self, source, target, is_answer):
        try:
            while data := source.recv(65536):
                if is_answer:
                    self.passing.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def remove(self):
        self.passing.set()
        self.listener.close()
        shutil.rmtree(self.root, ignore_errors=True)
