# SPDX-License-Identifier: Apache-2.0
"""A time of day of the test's own for one httpd, which can be set while it runs."""
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """`preload` goes to Httpd."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.preload = directory / "clock.so"
        self.seconds = directory / "seconds"
        self.set(0)
        self.seconds.chmod(0o644)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f'-DSECONDS="{self.seconds}"',
                        "-o", self.preload, SOURCE], check=True)

    def set(self, seconds):
        """From now on the time of day is the system's and so many seconds more."""
        with open(self.seconds, "r+b" if self.seconds.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
