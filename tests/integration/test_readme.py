# SPDX-License-Identifier: Apache-2.0
"""The examples of every README, and the quickstart they begin with."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import BASE, PATIENCE, PROJECT, await_condition
from harness.client import Api, path_of
from harness.documents import NOT_RUN, RUNNERS, block_of, blocks, blocks_in, blocks_of, documents
from harness.httpd import MODULES, Httpd, free_port

pytestmark = pytest.mark.xdist_group("readme")  # one worker sets it up

EXAMPLES = blocks_of("a server of the quickstart")


def quickstart(*options, check=True):
    return subprocess.run([PROJECT / "conf" / "quickstart.sh", *map(str, options)], check=check,
                          capture_output=True, text=True, timeout=PATIENCE, cwd="/")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a blank in its name, and a port."""
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND"):
        pytest.skip("the quickstart builds a module of its own")
    directory, port = tmp_path_factory.mktemp("quick") / "a place", free_port()
    yield directory, port
    if directory.exists():
        quickstart("--stop", "--dir", directory)
        shutil.rmtree((directory / "build").resolve().parent)  # elsewhere, because of the blank


@pytest.fixture(scope="module")
def started(place):
    directory, port = place
    return quickstart("--detach", f"--dir={directory}", "--port", port, "--customers=10")


# ---- every block is run ----

def test_each_block_of_a_readme_is_run_or_no_program():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for block in blocks():
        assert block.runner or block.language in NOT_RUN, \
            f"{block.document}, line {block.line}: no test runs this block (harness/documents.py); what is no program is `text`"
    for runner in RUNNERS:
        assert f'"{runner}"' in tests, f"no test runs the blocks of: {runner}"


def test_each_document_has_its_fences_in_pairs():
    for document in documents():
        fences = re.findall(r"^ *(?:```|~~~).*$", (PROJECT / document).read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_in(document)), document


def test_the_readme_begins_with_the_two_commands():
    [block] = blocks_of("the two commands")
    assert blocks_in("README.md")[0] == block
    assert [line.split("#")[0].split() for line in block.text.splitlines()] == [["conf/quickstart.sh", "--detach"], ["tests/run.sh"]]


def test_the_readme_repeats_lines_of_the_installation():
    installation = [line for block in blocks_of("a fresh Debian") for line in block.text.splitlines()]
    for block in blocks_of("the lines of the installation again"):
        for line in block.text.splitlines():
            assert line in installation, line


def test_the_scripts_have_the_options_of_their_examples():
    """And -k selects something."""
    lines = [line for block in blocks_of("the options of scripts") for line in block.text.splitlines()]
    for line in lines:
        script, *arguments = shlex.split(line, comments=True)
        known = subprocess.run([PROJECT / script, "--help"], check=True, capture_output=True, text=True).stdout
        for option in arguments:
            if option.startswith("-"):
                assert re.search(rf"^  {option} ", known, re.MULTILINE), line
        if "-k" in arguments:
            subprocess.run([sys.executable, "-B", "-m", "pytest", "--collect-only", "-q", "-k", arguments[-1]], check=True,
                           capture_output=True, cwd=Path(__file__).parent)


def test_one_test_is_built_for_and_run(tmp_path):
    """Without optimisation, which is what takes long."""
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND"):
        pytest.skip("it builds a module of its own")
    [block] = blocks_of("a build")
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    clone = tmp_path / "clone"
    shutil.copytree(PROJECT, clone, ignore=shutil.ignore_patterns(".git", "run", "node_modules"))
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", block.text.replace("/tmp/build", f"{tmp_path}/build")],
                            cwd=clone, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "CFLAGS": "-O0"})
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    assert re.search(r"\d+ passed", result.stdout), result.stdout


# What Debian's Apache has, as far as examples may need it.
EXAMPLE_MODULES = ["authn_core", "authn_file", "auth_basic", "authz_user", "authz_host", "headers", "env", "setenvif", "alias", "dir",
                   "mime", "filter", "deflate", "socache_shmcb", "ssl", "rewrite", "remoteip", "reqtimeout", "proxy", "proxy_http",
                   "cache", "cache_disk", "status", "http2", "allowmethods", "expires"]


# Those of "configtest", and those that a server is started with besides.
CONFIGURATIONS = [block for block in blocks() if block.language == "apache"]


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=lambda block: f"{block.document}:{block.line}")
def test_the_examples_of_configuration_are_accepted(new_database, block):
    server = Httpd(new_database(), modules=[name for name in EXAMPLE_MODULES if (MODULES / f"mod_{name}.so").exists()],
                   outside=block.text)
    try:
        result = server.configtest()
        assert result.returncode == 0 and "TMF" not in result.stderr, result.stderr
    finally:
        server.remove()


@pytest.mark.mpm
def test_the_example_for_the_mpm_serves_many_connections(start_httpd):
    [block] = [block.text for block in blocks_of("many connections")]
    if os.environ.get("TMF_MPM") == "prefork":
        pytest.skip("it is for the MPMs with threads")
    server = start_httpd(server=block)
    made = path_of(Api(server.url).create())
    clients = [Api(server.url) for _ in range(200)]
    for client in clients:
        assert client.get(made).status_code == 200
    with ThreadPoolExecutor(len(clients)) as pool:
        assert {reply.status_code for reply in pool.map(lambda client: client.get(made), clients)} == {200}
    server.graceful()
    await_condition(lambda: Api(server.url).get(made).status_code == 200, "the new children serve")


def test_the_quickstart_serves_and_says_where(place, started):
    url = f"http://127.0.0.1:{place[1]}{BASE}"
    assert url in started.stdout
    tries = [line for line in started.stdout.splitlines() if line.strip().startswith("curl ")]
    assert len(tries) == 3
    for line in tries:
        reply = subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True)
        assert "Error" not in reply.stdout and reply.stdout
    assert int(Api(url).get("/customer?limit=0").headers["X-Total-Count"]) == 11


def test_the_quickstart_says_in_one_line_what_it_does_and_how_long_it_took(started):
    lines = started.stderr.splitlines()
    phases = [re.fullmatch(r"quickstart: (.*) \.\.\. \d+ s", line).group(1) for line in lines]
    assert phases == ["Debian's packages", "the module", "PostgreSQL", "Apache"]


def test_the_root_leads_to_the_base(place, started):
    reply = Api(f"http://127.0.0.1:{place[1]}").get("/")
    assert reply.url.endswith(BASE) and reply.status_code == 200


def test_a_stop_names_what_runs_elsewhere(place, started, tmp_path):
    elsewhere = quickstart("--stop", "--dir", tmp_path / "other").stderr
    command = [line.partition("there is another one: ")[2] for line in elsewhere.splitlines() if "another one" in line]
    assert [line for line in command if str(place[0]).replace(" ", "\\ ") in line], elsewhere
    assert "nothing runs in" in elsewhere


@pytest.fixture(scope="module")
def commanded(place, started):
    """What the commands of each README print, on one server; others look at the customers that they create."""
    printed = {}
    for document in dict.fromkeys(block.document for block in EXAMPLES):
        script = "\n".join(block.text for block in EXAMPLES if block.document == document)
        printed[document] = run_example(place, script.replace("127.0.0.1:8629", f"127.0.0.1:{place[1]}")
                                        .replace("8630", str(free_port())))
    return printed


def run_example(place, commands):
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", f"B=http://127.0.0.1:{place[1]}{BASE}\n{commands}"],
                            capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, (commands, result.stderr)
    return result.stdout


def test_the_commands_of_the_readme_work(commanded):
    printed = commanded["README.md"]
    assert "Moon Football Club" in printed and '"status": "Approved"' in printed
    assert '"preferred": true' in printed and '"eventType":"CustomerStateChangeEvent"' in printed


def test_the_commands_of_the_api_work(commanded):
    for shown in ['"country": "France"', '"mediumType": "fax"', '"rowing@sun.example"', '"remark": "Details checked"']:
        assert shown in commanded["src/api/README.md"]


def test_the_examples_of_asking_in_the_readme_find_their_customer(place, commanded):
    *examples, count = example_with("Travellers&limit").splitlines()
    assert len(examples) >= 5
    for example in examples:
        assert "Moon Football Club" in [customer["name"] for customer in json.loads(run_example(place, example))], example
    assert re.match(r"X-Total-Count: [1-9]", run_example(place, count))


def example_with(words):
    return block_of("a server of the quickstart", words)


def test_every_example_of_asking_finds_its_customer(place, commanded):
    """Of the dozen customers few others match."""
    examples = example_with("# attributes of your own").splitlines()
    assert len(examples) >= 17
    for example in examples:
        found = [customer["name"] for customer in json.loads(run_example(place, example))]
        assert "Comet Sailing Club" in found and len(found) <= 6, example


def test_one_customer_is_looked_at_counted_and_paged(place, commanded):
    reduced, count, page = re.fullmatch(r"(\{.*\})(X-Total-Count: \d+)\s+(\[.*\])",
                                        run_example(place, example_with("rel=\"next\""))).groups()
    assert [medium["mediumType"] for medium in json.loads(reduced)["contactMedium"]] == ["email"]
    assert count == f"X-Total-Count: {len(json.loads(run_example(place, 'curl -sfg $B/customer?status=Approved')))}"
    first = json.loads(run_example(place, "curl -sfg $B/customer"))
    assert json.loads(page) == first[1:2]


def test_the_quickstart_again_keeps_what_is_there(place, started):
    directory, port = place
    api = Api(f"http://127.0.0.1:{port}{BASE}")
    before = api.get("/customer?limit=0").headers["X-Total-Count"]
    quickstart("--detach", "--dir", directory, "--port", port)
    assert api.get("/customer?limit=0").headers["X-Total-Count"] == before


def test_the_quickstart_on_a_port_in_use_says_so(place, started, tmp_path):
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    result = quickstart("--detach", "--dir", tmp_path / "other", "--port", place[1], check=False)
    assert result.returncode != 0 and "taken" in result.stderr


@pytest.mark.parametrize("options", [["--port", "x"], ["--port"], ["--mpm", "x"], ["--nonsense"],
                                     ["--customers", "-1"], ["--port", "99999"], ["--port=x"], ["--port="],
                                     ["--mpm=x"], ["--detach=yes"]])
def test_wrong_options_are_refused(options):
    result = quickstart(*options, check=False)
    assert result.returncode != 0 and "quickstart:" in result.stderr


def test_the_quickstart_stops(place, started):
    directory, port = place
    quickstart("--stop", "--dir", directory)
    quickstart("--stop", "--dir", directory)
    result = subprocess.run(["curl", "-s", f"http://127.0.0.1:{port}{BASE}"])
    assert result.returncode == 7, "nothing listens any more"
