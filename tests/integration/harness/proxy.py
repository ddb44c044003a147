# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path


class Proxy:
    """Stands between httpd and PostgreSQL. On a connection on which `marker` was sent, PostgreSQL's answers
    are kept back from then on. Otherwise it is that Postgres."""

    def __init__(self, postgres, marker):
        self.postgres, self.marker = postgres, marker
        self.root = Path(tempfile.mkdtemp(prefix="tmf-proxy-", dir=os.environ.get("TMF_TMP")))
        self.root.chmod(0o755)
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
            marked = threading.Event()
            for work in [self.pass_questions, self.pass_answers]:
                threading.Thread(target=work, args=(client, server, marked), daemon=True).start()

    def pass_questions(self, client, server, marked):
        with server, contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.marker in data:
                    marked.set()
                server.sendall(data)

    def pass_answers(self, client, server, marked):
        with client, contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not marked.is_set():
                    client.sendall(data)

    def remove(self):
        self.listener.close()
        shutil.rmtree(self.root, ignore_errors=True)
