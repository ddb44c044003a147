# SPDX-License-Identifier: Apache-2.0
"""The README's commands, and the quickstart they begin with."""
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import BASE, PATIENCE, PROJECT, await_condition
from harness.client import Api, path_of
from harness.httpd import free_port

pytestmark = pytest.mark.xdist_group("readme")  # one worker sets it up

README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def block_with(words):
    [block] = [block for block in BLOCKS if words in block]
    return block


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


def test_the_readme_begins_with_the_two_commands():
    assert BLOCKS[0].split("\n")[0].startswith("conf/quickstart.sh --detach")
    assert BLOCKS[0].split("\n")[1].startswith("tests/run.sh")


@pytest.mark.mpm
def test_the_example_for_the_mpm_serves_many_connections(start_httpd):
    [block] = re.findall(r"^```apache\n(StartServers.*?|#[^\n]*\nStartServers.*?)^```", README, re.MULTILINE | re.DOTALL)
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
    """What the README's commands say. Others look at the customers that they create."""
    blocks = [block for block in BLOCKS if "$B" in block]
    assert len(blocks) >= 2
    script = "\n".join(blocks).replace("127.0.0.1:8629", f"127.0.0.1:{place[1]}")
    script = script.replace("8630", str(free_port()))
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=PATIENCE)


def test_the_commands_of_the_readme_work(commanded):
    result = commanded
    assert result.returncode == 0, result.stderr
    assert "Moon Football Club" in result.stdout and '"status": "Approved"' in result.stdout
    assert '"eventType":"CustomerStateChangeEvent"' in result.stdout
    for shown in ['"country": "France"', '"mediumType": "fax"', '"rowing@sun.example"', '"remark": "Details checked"']:
        assert shown in result.stdout


def run_example(place, commands):
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", f"B=http://127.0.0.1:{place[1]}{BASE}\n{commands}"],
                            capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, (commands, result.stderr)
    return result.stdout


def test_every_example_of_asking_finds_its_customer(place, commanded):
    """Of the dozen customers few others match."""
    examples = block_with("# equality").splitlines()
    assert len(examples) >= 17
    for example in examples:
        found = [customer["name"] for customer in json.loads(run_example(place, example))]
        assert "Comet Sailing Club" in found and len(found) <= 6, example


def test_one_customer_is_looked_at_counted_and_paged(place, commanded):
    reduced, count, page = re.fullmatch(r"(\{.*\})(X-Total-Count: \d+)\s+(\[.*\])",
                                        run_example(place, block_with("rel=\"next\""))).groups()
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
