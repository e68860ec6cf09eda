"""A sandbox Azure in a process of its own, and a project that collects from it: what the stories of tests/e2e, the benchmark of
collection and the demo stand on. The program under test: $AZDRIFT, else build/azdrift."""
import json, os, secrets, shutil, socket, subprocess, tempfile, threading, unittest, urllib.error, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
AZDRIFT = os.path.abspath(os.environ.get("AZDRIFT", os.path.join(ROOT, "build", "azdrift")))
SECRET = "s3cret"

# Waits that tests can afford: all that a run does after a failed request is the same, only sooner.
QUICK = {"AZDRIFT_COLLECT_BACKOFF": "2ms", "AZDRIFT_COLLECT_BACKOFF_MAX": "2s", "AZDRIFT_COLLECT_TRIES": "3"}
# What would lead a story to somebody's real Azure or store.
FOREIGN = ("AZURE_", "AZDRIFT_", "MONGODB_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def type_of(resource_id):
    """The type that an id names, in lower case."""
    provider, *parts = resource_id.lower().rpartition("/providers/")[2].split("/")
    return "/".join([provider] + parts[::2])


class Sandbox:
    """The server, from its first line of output until close()."""

    def __init__(self, **options):
        self.folder = tempfile.mkdtemp(prefix="azdrift-sandbox-")
        self.errors = open(os.path.join(self.folder, "stderr"), "w+")
        arguments = [AZDRIFT, "lua", os.path.join(ROOT, "examples", "sandbox-azure", "main.lua")]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError("the sandbox did not start: " + self.errors.read())
        self.url = line.split()[2]

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.errors.close()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _ask(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                text = reply.read()
        except urllib.error.HTTPError as refusal:
            raise RuntimeError("%s %s: %d %s" % (method, path, refusal.code, refusal.read().decode()))
        return json.loads(text) if text else None

    def control(self, **wishes):
        return self._ask("POST", "/_control", wishes)

    def log(self, paths=False):
        return self._ask("GET", "/_log" + ("?paths=1" if paths else ""))

    def write(self, method, resource_id, body=None, version="2024-03-01"):
        """A change of Azure by somebody who may write. Any version that the type speaks is found by asking."""
        headers = {"Authorization": "Bearer owner"}
        try:
            return self._ask(method, "%s?api-version=%s" % (resource_id, version), body, headers)
        except RuntimeError as refusal:
            known = str(refusal).partition("api-versions are '")[2].partition("'")[0]
            if not known:
                raise
            return self._ask(method, "%s?api-version=%s" % (resource_id, known.split(",")[0]), body, headers)


class Run:
    """What one call of the program answered."""

    def __init__(self, code, out, err, peak_kb):
        self.code, self.out, self.err, self.peak_kb = code, out, err, peak_kb

    @property
    def reports(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def report(self):
        assert len(self.reports) == 1, "%d reports; stderr: %s" % (len(self.reports), self.err)
        return self.reports[0]

    def __repr__(self):
        return "exit code %s\n%s\n%s" % (self.code, self.out[-4000:], self.err[-4000:])


class Project:
    """A folder with a store, whose settings come from the environment alone."""

    def __init__(self, url, **settings):
        self.folder = tempfile.mkdtemp(prefix="azdrift-project-")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env.update(QUICK, AZDRIFT_CLOUD=url, AZURE_TENANT_ID="contoso.example", AZURE_CLIENT_ID="reader",
                        AZURE_CLIENT_SECRET=SECRET, AZDRIFT_STORE=os.path.join(self.folder, "story.db"), NO_COLOR="1")
        self.env.update(settings)

    def use_mongodb(self, url):
        """With the key that the project has, so that what is redacted stays the same, or a new one. Answers the url."""
        key = self.env["AZDRIFT_STORE"] + ".key"
        if not os.path.exists(key):
            with open(key, "w") as file:
                file.write(secrets.token_hex(32))
        self.env.update(MONGODB_URL=url, MONGODB_DB_NAME=url.rpartition("/")[2].partition("?")[0] or "story", AZDRIFT_REDACTION_KEY_FILE=key)
        return url

    def copy_of(self, other):
        """Takes over what another project has collected so far, key and all."""
        shutil.copytree(other.folder, self.folder, dirs_exist_ok=True)
        return self

    def close(self):
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, *arguments):
        return subprocess.Popen([AZDRIFT, *arguments], cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *arguments, user=None, timeout_s=300):
        """user: a number, to run as somebody else."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen([AZDRIFT, *arguments], cwd=self.folder, env=self.env, stdout=out, stderr=err, user=user)
            watch = threading.Timer(timeout_s, process.kill)
            watch.start()
            _, status, usage = os.wait4(process.pid, 0)  # not process.wait(): only here one is told how much memory it took
            watch.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return Run(process.returncode, out.read(), err.read(), usage.ru_maxrss)

    def collect(self, *arguments):
        return self.run("collect", "--quiet", "--format", "json", *arguments)

    def snapshots(self):
        return self.run("snapshots", "--format", "json").reports

    def export(self, seq=None):
        """Bodies by id of one snapshot of the only scope, or of the newest."""
        at = ["--at", str(seq), "--scope", self.scope()] if seq else []
        done = self.run("export", *at)
        assert done.code == 0, repr(done)
        bodies = {}
        for by_id in json.loads(done.out)["resources"].values():
            bodies.update(by_id)
        return bodies

    def scope(self):
        return self.snapshots()[0]["scope"]


class Collected(unittest.TestCase):
    """Each test has a sandbox of its own and a project that has collected it once. The estate comes from a seed, so that the first
    collection is the same for all of them, and is made once."""
    maxDiff = None
    estate = {"resources": 120}

    @classmethod
    def setUpClass(cls):
        with Sandbox(**cls.estate) as azure:
            cls.first = Project(azure.url)
            cls.addClassCleanup(cls.first.close)
            done = cls.first.collect()
            assert done.code == 0 and done.report["complete"], repr(done)
            cls.before = cls.first.export()

    def setUp(self):
        self.azure = Sandbox(**self.estate)
        self.addCleanup(self.azure.close)
        self.project = Project(self.azure.url).copy_of(self.first)
        self.addCleanup(self.project.close)

    def ids(self, type_name):
        return sorted(resource_id for resource_id in self.before if type_of(resource_id) == type_name)


class Elsewhere:
    """Somebody else's server: counts the connections that reach it."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.connections = self.socket.getsockname()[1], 0
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
