"""Examples/C/stencil as a launcher would start it. STENCIL names the program; python3 -m unittest discover -s Tests/Stencil."""
import os
import select
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List

START = Path(__file__).resolve().parents[2] / "Examples/C/stencil/start"
PROGRAM = os.environ["STENCIL"]
ENVIRONMENT = {"PATH": os.environ["PATH"]}
SOON = 60
# Of Open MPI and of MPICH, more ranks than cores, as any user. They are those of the path, whichever that are.
MPIEXECS = ["mpiexec", "mpiexec.openmpi", "mpiexec.mpich", "mpiexec.hydra"]
MPIEXEC_ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "HOME": os.path.expanduser("~")}
LAUNCHERS = [("RANK", "SIZE"), ("PMI_RANK", "PMI_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")]


class Stencil(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, arguments: List[str], environment: Dict[str, str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            arguments, env={**ENVIRONMENT, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def ranks(self, size: int, arguments: List[str], names: "tuple[str, str]" = LAUNCHERS[0], **others: str) -> "List[subprocess.Popen[str]]":
        command = [PROGRAM, self.folder, *arguments]
        return [self.start(command, {names[0]: str(rank), names[1]: str(size), **others}) for rank in range(size)]

    def four_ranks_compute_what_one_does(self, command: List[str], environment: Dict[str, str]) -> None:
        for transport in ("shm", "tcp"):
            with self.subTest(command=command, transport=transport), tempfile.TemporaryDirectory() as folder:
                process = self.start([*command, PROGRAM, folder, "101", "150"], {**environment, "HANDFAST_TRANSPORTS": transport})
                out, error = process.communicate(timeout=SOON)
                self.assertEqual(process.returncode, 0, error)
                self.assertIn(f"4 ranks, 101 x 101 points, the first two joined by {transport}\n", out)
                self.assertRegex(out, r"150 steps in [0-9.]+ s, [0-9.]+ us each: as one process computes it\n")

    def test_four_ranks_compute_what_one_does_over_each_transport(self) -> None:
        self.four_ranks_compute_what_one_does([str(START), "4"], {})

    def test_ranks_started_within_a_job_of_slurm_are_not_all_its_first(self) -> None:
        self.four_ranks_compute_what_one_does([str(START), "4"], {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"})

    def test_a_real_launcher_starts_four_ranks_over_each_transport(self) -> None:
        found = {os.path.realpath(path): path for path in map(shutil.which, MPIEXECS) if path is not None}
        if not found:
            self.skipTest("no mpiexec of Open MPI or MPICH on the path")
        for path in found.values():
            self.four_ranks_compute_what_one_does([path, "-n", "4"], MPIEXEC_ENVIRONMENT)

    def test_every_launcher_and_number_of_ranks_will_do(self) -> None:
        for size, names in zip((1, 2, 3, 7), LAUNCHERS):
            shutil.rmtree(self.folder)
            os.mkdir(self.folder)
            ranks = self.ranks(size, ["7", "20"], names)
            texts = [rank.communicate(timeout=SOON) for rank in ranks]
            self.assertEqual([rank.returncode for rank in ranks], [0] * size, texts)
            self.assertIn("as one process computes it", texts[0][0])

    def test_a_killed_rank_ends_all_others_with_its_name(self) -> None:
        for transport in ("shm", "tcp"):
            for killed in (0, 2):
                with self.subTest(transport=transport, killed=killed):
                    shutil.rmtree(self.folder)
                    os.mkdir(self.folder)
                    ranks = self.ranks(4, ["64", "1000000000"], HANDFAST_TRANSPORTS=transport)
                    self.assertTrue(select.select([ranks[0].stdout], [], [], SOON)[0], "the first rank says nothing")
                    self.assertIn("4 ranks", ranks[0].stdout.readline())
                    ranks[killed].send_signal(signal.SIGKILL)
                    for rank, process in enumerate(ranks):
                        error = process.communicate(timeout=SOON)[1]
                        if rank != killed:
                            self.assertEqual(process.returncode, 1, error)
                            self.assertIn(f"rank {rank}: rank {killed} is lost", error)

    def test_wrong_surroundings_are_named(self) -> None:
        for environment, arguments, words in (
            ({}, [self.folder], "no rank: a launcher sets OMPI_COMM_WORLD_RANK"),
            ({"RANK": "4", "SIZE": "4"}, [self.folder], "RANK is 4; a number from 0 to 3 is allowed"),
            ({"RANK": "0", "SIZE": "many"}, [self.folder], "SIZE is many; a number from 1 to 4096 is allowed"),
            ({"RANK": "0", "SIZE": "1"}, [self.folder, "2"], "2: a number from 3 to 20000 is allowed"),
            ({"RANK": "0", "SIZE": "1"}, [self.folder + "/nowhere"], "No such file or directory"),
            ({"RANK": "0", "SIZE": "9"}, [self.folder, "5"], "9 ranks are more than 5 rows"),
            ({"RANK": "0", "SIZE": "1"}, [], "usage: stencil FOLDER"),
        ):
            process = self.start([PROGRAM, *arguments], environment)
            self.assertIn(words, process.communicate(timeout=SOON)[1])
            self.assertEqual(process.returncode, 1)


if __name__ == "__main__":
    unittest.main()
