# SPDX-License-Identifier: Apache-2.0
"""The fenced blocks of all READMEs and their kin, and which test runs them."""
import re
from dataclasses import dataclass

from . import PROJECT

# A test asks for the blocks of its runner by name. Rows are (document, language, words in the block); the first runner
# that has a fitting row gets a block, and the last ones take what is nowhere else: examples in any README.
RUNNERS = {
    "the two commands": [("README.md", "sh", "tests/run.sh")],
    "the lines of the installation again": [("README.md", "sh", "autoreconf"), ("README.md", "apache", "SetHandler")],
    "a fresh Debian": [("conf/README.md", "sh", "createdb"), ("conf/README.md", "apache", "AuthUserFile"),
                       ("conf/README.md", "sh", "a2enmod"), ("conf/README.md", "sh", "pg_dump"),
                       ("conf/README.md", "sh", "install.sql"), ("conf/README.md", "sh", "make uninstall")],
    "the console": [("conf/README.md", "sh", "npm ci"), ("conf/README.md", "apache", "Alias /tmf-customer-console")],
    "many connections": [("conf/README.md", "apache", "ThreadsPerChild")],
    "the options of scripts": [("tests/README.md", "sh", "tests/run.sh"), ("CONTRIBUTING.md", "sh", "tests/run.sh")],
    "a build": [("tests/README.md", "sh", "--enable-werror")],
    "a server of the quickstart": [("", "sh", "$B"), ("", "sh", "B=")],
    "the files for Prometheus": [("conf/README.md", "sh", "promtool")],
    "the examples of a site": [("conf/examples/README.md", "apache", "Include")],
    "a file of a statement": [("src/store/README.md", "sql", "-- Parameters:")],
    "the schema": [("", "sql", "")],
    "configtest": [("", "apache", "")],
}
NOT_RUN = {"text"}


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str

    @property
    def runner(self):
        return next((runner for runner, rows in RUNNERS.items() if any(self.fits(row) for row in rows)), None)

    def fits(self, row):
        document, language, words = row
        return document in ("", self.document) and language == self.language and words in self.text


def documents():
    """Every Markdown file of the clone, by its path."""
    foreign = {"node_modules", "run"}
    return sorted(str(path.relative_to(PROJECT)) for path in PROJECT.rglob("*.md")
                  if not foreign & set(path.relative_to(PROJECT).parts))


def blocks_in(document):
    text = (PROJECT / document).read_text()
    return [Block(document, text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2))
            for found in re.finditer(r"^ *```([^\n`]*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


def blocks():
    return [block for document in documents() for block in blocks_in(document)]


def blocks_of(runner):
    """Those that the test which is this runner has to run, in the order of the documents; never none."""
    found = [block for block in blocks() if block.runner == runner]
    assert found, f"no README has a block for: {runner}"
    return found


def block_of(runner, words):
    """The one with these words in it."""
    [block] = [block for block in blocks_of(runner) if words in block.text]
    return block.text
