"""What the stories of faulty stores share: a project that has collected once, what a refusal looks like, and what is to be so when the
fault is over. With AZD_TORTURE set each moment of a fault is tried many times. AZDRIFT_SEED: the moments."""
import ctypes, os, random, subprocess, sys, tempfile

from lib.world import AZDRIFT, ROOT, Collected

TORTURE = bool(os.environ.get("AZD_TORTURE"))
SEED = int(os.environ.get("AZDRIFT_SEED", str(random.randrange(1 << 32))))
DICE = random.Random(SEED)
CHECK = os.path.join(ROOT, "tests", "e2e", "lib", "check_store.lua")
SANITIZED = "build-asan" in AZDRIFT or "build-tsan" in AZDRIFT
NOBODY = 65534
COMMANDS = (("collect",), ("drift",), ("snapshots",), ("export",))
# Sooner than the usual half minutes, and with the same outcome.
IMPATIENT = 'return { store = { retry = "2s", select_timeout = "1s", connect_timeout = "1s", socket_timeout = "1s", heartbeat = "500ms" } }\n'
MEMORY_SLACK_KB = 8 * 1024


def own_mounts():
    """True: what is mounted from here on is seen by this program alone, and goes with it."""
    new_namespace = 0x00020000
    return os.geteuid() == 0 and ctypes.CDLL(None).unshare(new_namespace) == 0 and subprocess.run(
        ["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL).returncode == 0


MOUNTS = own_mounts()


def fill(path):
    with open(path, "wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 8, 1):
            try:
                while filler.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


def announce():
    print("AZDRIFT_SEED=%d" % SEED, file=sys.stderr)


class Faults(Collected):
    """A project that has collected once into the store of the story; mended() says that it goes on as if nothing had been."""
    estate = {"resources": 60}

    def use(self, url):
        self.project.use_mongodb(url)

    def impatient(self):
        with open(os.path.join(self.project.folder, "azdrift.lua"), "w") as file:
            file.write(IMPATIENT)

    def small_disk(self, size):
        """A file system of its own, which can be full; skipped where none may be mounted."""
        if not MOUNTS:
            self.skipTest("no file system may be mounted here")
        folder = tempfile.mkdtemp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder], check=True)
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=True)
        return folder

    def refused(self, run, *sentences):
        """Exit code 1, nothing that could be read as "no drift", one line a trouble, no bug told, no password."""
        self.assertEqual(run.code, 1, run)
        self.assertEqual(run.out.strip(), "", run)
        for sentence in sentences:
            self.assertIn(sentence, run.err, run)
        self.assertNotIn("internal error", run.err, run)
        self.assertNotIn("secret", run.err, run)
        told = [line for line in run.err.splitlines() if not line.startswith("{")]
        self.assertLessEqual(len(told), 3, run)

    def memory_flat(self, run):
        if not SANITIZED:
            self.assertLess(run.peak_kb, self.usual_kb + MEMORY_SLACK_KB, "a run in trouble took more memory than one without")

    def same_as_before(self):
        """Every resource is there; a tick of the sandbox changes what is noise in them, and nothing else."""
        self.assertEqual(set(self.project.export()), set(self.before))

    def mended(self, known=None):
        """Another run finds nothing that nobody did, and the whole history verifies."""
        run = self.project.collect("--fail-on", "high")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(run.report["drifts"], [], run)
        self.same_as_before()
        store = self.project.env.get("MONGODB_URL") or self.project.env["AZDRIFT_STORE"]
        checked = self.project.run("lua", CHECK, store)
        self.assertEqual(checked.code, 0, checked)
        if known is not None:
            self.assertLessEqual(set(known), {snapshot["seq"] for snapshot in self.project.snapshots()})

    def seqs(self):
        run = self.project.run("snapshots", "--json")
        self.assertEqual(run.code, 0, run)
        return [snapshot["seq"] for snapshot in run.reports]
