"""A Dask cluster of several worker processes gives the bytes that one machine gives, also where a worker is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("distributed")

CLUSTER = """\
import sys
if __name__ == "__main__":
    from distributed import LocalCluster
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    print(cluster.scheduler_address.removeprefix("tcp://"), flush=True)
    print(*[worker.process.pid for worker in cluster.workers.values()], flush=True)
    sys.stdin.read()
    cluster.close()
"""
BAD = """\
typedef unsigned long pte_t;
int map{0}(pte_t *ptep, unsigned long pa, volatile int *va)
{{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}}
"""
SLOW = "".join(f"int f{at}(int x) {{ return x {'+ x * 3' * 20}; }}\n" for at in range(120))


ELSEWHERE = """\
from barrierlint.linking import remote
about = remote.about
remote.about = lambda cwd, folder, name: about({cwd}, {folder}, name)
"""
"""Workers that look elsewhere: they stand for another machine."""


@dataclass
class Cluster:
    address: str
    workers: tuple[int, ...]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    script = tmp_path_factory.mktemp("cluster") / "cluster.py"
    script.write_text(CLUSTER)
    words = [sys.executable, str(script)]
    env = os.environ | {"DASK_TEMPORARY_DIRECTORY": str(script.parent), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield Cluster(f"dask://{address}", tuple(map(int, process.stdout.readline().split())))
        process.communicate("", timeout=60)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in range(5):
        (tmp_path / f"m{name}.c").write_text((SLOW if name else "") + BAD.format(name))
    return tmp_path


def command(*words: str, form: str = "json") -> list[str]:
    return [sys.executable, "-m", "barrierlint", "check", "--format", form, *words]


def run(tree: Path, *words: str, form: str = "json") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command(*words, form=form), capture_output=True, text=True, cwd=tree, env=env, check=False)


def test_it_gives_what_one_machine_gives(tree: Path, cluster: Cluster) -> None:
    (tree / "broken.c").write_text("int f( { return }\n")
    here = run(tree, ".", "--no-cache", "--")
    there = run(tree, ".", "--executor", cluster.address, "--")
    assert (there.stdout, there.returncode, there.stderr) == (here.stdout, here.returncode, "")
    assert len(json.loads(here.stdout)["findings"]) == 5
    warm = run(tree, ".", "--executor", "dask://localhost:1", "--")
    assert warm.stdout == here.stdout  # nothing is left to be read, so that nobody is asked


@pytest.mark.parametrize("form", ["sarif", "html"])
def test_every_report_is_the_same_bytes(tree: Path, cluster: Cluster, form: str) -> None:
    here = run(tree, ".", "--no-cache", "--", form=form)
    assert "m4.c" in here.stdout
    assert run(tree, ".", "--executor", cluster.address, "--", form=form).stdout == here.stdout


def test_a_worker_killed_in_mid_run_costs_nothing(tree: Path, cluster: Cluster) -> None:
    here = run(tree, ".", "--no-cache", "--")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = command(".", "--executor", cluster.address, "--")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tree, env=env) as there:
        while there.poll() is None and len(list((tree / ".barrierlint-cache").glob("??/*"))) < 3:
            time.sleep(0.02)
        assert there.poll() is None
        os.kill(cluster.workers[0], signal.SIGKILL)
        out, err = there.communicate(timeout=240)
    assert (out, there.returncode, err) == (here.stdout, here.returncode, "")


def test_a_file_beyond_its_limits_is_lost_there_as_here(tree: Path, cluster: Cluster) -> None:
    (tree / "long.c").write_text("".join(f"int g{at}(int x) {{ return x {'+ x' * 900}; }}\n" for at in range(900)))
    there = run(tree, "m0.c", "long.c", "--time-limit", "1", "--executor", cluster.address, "--")
    report = json.loads(there.stdout)
    assert [note["kind"] for note in report["notifications"] if note["lost"]] == ["timeout"]
    assert len(report["findings"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "dask://localhost:1"), "no Dask scheduler answers"),
        (("--executor", "dask://nowhere"), "write dask://HOST:PORT"),
        (("--executor", "slurm"), "choose local or dask://HOST:PORT"),
        (("--executor", "CLUSTER", "--no-cache"), "leave out --no-cache"),
        (("--executor", "CLUSTER", "--cache-dir", "/dev/null/cache"), "cannot be written"),
    ],
)
def test_what_cannot_work_is_one_line(
    tree: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    ran = run(tree, "m0.c", *[word.replace("CLUSTER", cluster.address) for word in words], "--")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr


def in_this_process(tree: Path, cluster: Cluster, before: str) -> subprocess.CompletedProcess[str]:
    """Run the command line after some Python code, which stands for another installation."""
    words = ["check", "m0.c", "--executor", cluster.address, "--"]
    script = f"{before}\nfrom barrierlint.cli import main\nraise SystemExit(main({words!r}))\n"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tree, env=env, check=False
    )


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("from barrierlint.linking import remote; remote.__version__ = '9.9'", "this is 9.9: install the same"),
        ("from barrierlint.linking import remote; remote.contents = lambda: ''", "in another state"),
        ("import sys; sys.modules['distributed'] = None", "pip install 'barrierlint[dask]'"),
        (ELSEWHERE.format(cwd="'/dev/null/folder'", folder="folder"), "does not see /dev/null/folder"),
        (ELSEWHERE.format(cwd="cwd", folder="'/dev/null/cache'"), "does not see the cache /dev/null/cache"),
    ],
)
def test_another_installation_is_one_line(tree: Path, cluster: Cluster, before: str, said: str) -> None:
    ran = in_this_process(tree, cluster, before)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr
