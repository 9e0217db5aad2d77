"""`interlock fleet` on a real Dask cluster of this machine, which the tests start on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import interlock as interlock_package
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_diff import versions
from tests.acceptance.test_fleet import AT, read
from tests.acceptance.test_fleet_faults import HOOK, POLICY, outcome
from tests.helpers.ledgers import LedgerBuilder

__all__ = ["versions"]
pytest.importorskip("distributed")
CLUSTER = """\
import sys
import dask
from distributed import LocalCluster

if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True})
    with LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=2, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
ASKED = ("fleet", "open.yaml", "--ledgers", "*.db", "--format", "json", "--dask")


class Cluster:
    """A cluster in a process of its own, which ends when its standard input does."""

    def __init__(self, folder: Path, workers: int, path: str) -> None:
        script = folder / "cluster.py"
        script.write_text(CLUSTER, "utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(workers)],
            cwd=folder,
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().decode().strip()

    def close(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster whose workers act on ledgers by their names, as those of `test_fleet_faults` do."""
    place = tmp_path_factory.mktemp("cluster")
    (place / "sitecustomize.py").write_text(HOOK, "utf-8")
    path = os.pathsep.join([str(place), str(Path(interlock_package.__file__).parents[1])])
    running = Cluster(place, 2, path)
    yield running.address
    running.close()


@pytest.fixture
def ledgers(folder: Path) -> Path:
    """Three ordinary ledgers, and the policy."""
    (folder / "open.yaml").write_text(POLICY, "utf-8")
    for name in ("a", "b", "c"):
        LedgerBuilder(folder / f"{name}.db").task("one").write()
    return folder


def near(out: str, folder: Path) -> str:
    """The output with paths as they are named in the folder."""
    return out.replace(f"{folder}{os.sep}", "")


def test_a_cluster_decides_as_processes_do(
    cluster: str, folder: Path, process: Interlock, story_path: Path, ledger_path: Path
) -> None:
    asked = ("fleet", "smoke", "autonomy", "--at", AT, "--format", "json")
    named = ("--ledgers", str(story_path), "--ledgers", str(ledger_path))
    ran = process(*asked, *named, "--dask", cluster)
    assert (ran.code, ran.err) == (3, "")
    alone = process(*asked, *named)
    assert read(ran.out)[:2] == read(alone.out)[:2]


def test_a_cluster_compares_as_processes_do(
    cluster: str, folder: Path, process: Interlock, story_path: Path, versions: tuple[str, str]
) -> None:
    asked = ("fleet-diff", *versions, "--ledgers", str(story_path), "--to", AT, "--format", "json")
    ran, alone = process(*asked, "--dask", cluster), process(*asked)
    assert (ran.code, ran.err) == (3, "")
    lines = [list(map(json.loads, near(each.out, folder).splitlines())) for each in (ran, alone)]
    assert lines[0][0] == lines[1][0]
    assert lines[0][1]["terms"] == lines[1][1]["terms"]


@pytest.mark.slow
def test_a_ledger_that_kills_every_worker_of_a_cluster_is_named(
    cluster: str, ledgers: Path, process: Interlock
) -> None:
    for name in ("kill", "once"):
        LedgerBuilder(ledgers / f"{name}.db").task("one").write()
    ran = process(*ASKED, cluster, "--retries", "1")
    assert (ran.code, ran.err) == (6, "error: 1 ledger of 5 could not be judged\n")
    found = {near(path, ledgers): fault for path, fault in outcome(ran.out).items()}
    died = "the process that judged it died, 2 times"
    assert found == {"a.db": None, "b.db": None, "c.db": None, "once.db": None, "kill.db": died}


@pytest.mark.slow
def test_a_ledger_that_takes_too_long_on_a_cluster_is_named(cluster: str, ledgers: Path, process: Interlock) -> None:
    LedgerBuilder(ledgers / "slow.db").task("one").write()
    ran = process(*ASKED, cluster, "--timeout", "3s")
    assert ran.code == 6
    found = {near(path, ledgers): fault for path, fault in outcome(ran.out).items()}
    assert str(found.pop("slow.db")).startswith("it took longer than 3s")
    assert found == dict.fromkeys(["a.db", "b.db", "c.db"])
    (ledgers / "slow.db").unlink()
    assert process(*ASKED, cluster, "--quiet").code == 0, "the worker that it held was started again"


def test_an_address_at_which_no_scheduler_answers_is_an_error(ledgers: Path, process: Interlock) -> None:
    ran = process(*ASKED, "tcp://127.0.0.1:9")
    assert ran == (
        2,
        "",
        "error: no scheduler of Dask answers at `tcp://127.0.0.1:9`: connection refused\n",
    )
    for address in ("nowhere", "tcp://", "http://x:1"):
        ran = process(*ASKED, address)
        assert (ran.code, ran.out) == (2, "")
        assert f"`--dask {address}` is not the address of a scheduler, such as `tcp://" in ran.err
    assert process(*ASKED, "").err == "error: `--dask` is empty; give it a value, or leave it out\n"
    assert "give one of `--workers` and `--dask`" in process(*ASKED, "tcp://127.0.0.1:9", "--workers", "2").err


def test_without_dask_it_is_said_what_to_install(ledgers: Path, process: Interlock) -> None:
    (ledgers / "no").mkdir()
    (ledgers / "no" / "distributed.py").write_text("raise ImportError\n", "utf-8")
    path = os.pathsep.join([str(ledgers / "no"), str(Path(interlock_package.__file__).parents[1])])
    ran = process(*ASKED, "tcp://127.0.0.1:9", env={"PYTHONPATH": path})
    assert ran == (2, "", "error: `--dask` needs Dask; install it with `pip install 'interlock[fleet]'`\n")


def test_a_cluster_without_workers_is_refused(ledgers: Path, tmp_path: Path, process: Interlock) -> None:
    running = Cluster(tmp_path, 0, os.environ.get("PYTHONPATH", ""))
    ran = process(*ASKED, running.address)
    running.close()
    assert ran == (2, "", f"error: the cluster at `{running.address}` has no workers\n")


OTHER_VERSION = "import interlock.resources as r\nr.__version__ = '0.0.1'\n"
"""What makes the workers of a cluster, and not the command, another version."""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (OTHER_VERSION, "interlock 0.0.1, not "),
        (
            "import interlock.diagnostics as d\nd.digest = lambda text: 'sha256:' + 64 * '0'\n",
            "other policies: `open` ",
        ),
    ],
    ids=["version", "policies"],
)
def test_a_cluster_whose_workers_are_otherwise_is_refused(
    change: str, message: str, ledgers: Path, tmp_path: Path, process: Interlock
) -> None:
    (tmp_path / "sitecustomize.py").write_text(change, "utf-8")
    running = Cluster(tmp_path, 1, os.pathsep.join([str(tmp_path), str(Path(interlock_package.__file__).parents[1])]))
    ran = process(*ASKED, running.address)
    running.close()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: workers of `{running.address}` cannot judge as it is done here:\n   tcp://")
    assert message in ran.err


def test_lines_name_the_ledgers_by_paths_from_the_root(cluster: str, ledgers: Path, process: Interlock) -> None:
    ran = process(*ASKED, cluster)
    assert ran.code == 0
    assert sorted(outcome(ran.out)) == [str(ledgers / f"{name}.db") for name in ("a", "b", "c")]
    assert json.loads(ran.out.splitlines()[-1])["faults"] == 0
