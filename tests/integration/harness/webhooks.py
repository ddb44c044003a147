# SPDX-License-Identifier: Apache-2.0
"""The npm package standardwebhooks, as a receiver of notifications would use it."""
import base64
import json
import secrets
import shutil
import subprocess
from pathlib import Path

from . import PATIENCE

SOURCE = Path(__file__).parents[1] / "npm"


class Verifier:
    """Installs the package, at the version that package-lock.json names, into a directory."""

    def __init__(self, directory):
        self.directory = directory
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, directory)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "5"], cwd=directory, check=True,
                       capture_output=True, timeout=PATIENCE)

    def faults(self, requests, secret):
        """For each request None, or why its signature is not one by the secret."""
        asked = [{"secret": secret, "headers": request.headers, "body": request.body.decode()} for request in requests]
        result = subprocess.run(["node", SOURCE / "verify.mjs", self.directory / "package.json"], input=json.dumps(asked),
                                check=True, capture_output=True, text=True, timeout=PATIENCE)
        return json.loads(result.stdout)


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
