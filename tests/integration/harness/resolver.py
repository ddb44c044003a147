# SPDX-License-Identifier: Apache-2.0
"""A resolver of the test's own for one httpd: names resolve to what the test says, and differently the next time."""
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("resolver.c")


class Resolver:
    """`preload` goes to Httpd. Names that it does not know are left to the system."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.preload = directory / "resolver.so"
        self.names = directory / "names"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f'-DNAMES="{self.names}"', "-o", self.preload,
                        SOURCE, "-ldl"], check=True)
        self.set()

    def set(self, **names):
        """names: each with its addresses, by blanks; `_` in a name stands for a dot."""
        lines = [f"{name.replace('_', '.')} {address}" for name, addresses in names.items() for address in addresses.split()]
        new = self.names.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for line in lines))
        new.chmod(0o644)
        new.rename(self.names)
