"""A real MongoDB for stories, and a network between it and the program under test that can be cut. Where no server can be had the
story is skipped (exit code 77) and says why."""
import json, os, socket, struct, subprocess, sys, threading

from lib.world import AZDRIFT

SERVER = os.path.join(os.path.dirname(AZDRIFT), "tests", "mongod_server")


class Mongod:
    """tests/tools/mongod_server.c, from its first line of output until close(). kind: standalone, users, set."""

    def __init__(self, kind="standalone", data=None):
        arguments = [SERVER, kind] + (["--data", data] if data else [])
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            reason = self.process.stderr.read().strip()
            if self.process.wait() != 77:
                raise RuntimeError("mongod_server: " + reason)
            print("skipped: " + reason)
            sys.stdout.flush()
            os._exit(77)
        self.made = 0

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer in ("", "failed"):
            raise RuntimeError("mongod_server: %s failed" % (words,))
        return answer

    def run(self, database, **command):
        """A command; its first argument names it."""
        return json.loads(self.ask("run", database, json.dumps(command)))

    def fresh(self, *user):
        """The url of a database that nobody has used; user: name and password."""
        self.made += 1
        return self.url("story_%d" % self.made, *user)

    def url(self, database, *user):
        return self.ask("url", database, *user)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process.stderr.close()


class Wire:
    """Stands between the program and a server: lets bytes through until it is told to cut. A cut hits when `after` more bytes have come
    from the server: `stall` keeps the connection and sends nothing more, `reset` ends it hard, `truncate` ends it in the middle of an
    answer. While it is `broken`, new connections meet the same at once."""

    def __init__(self, port):
        self.target, self.lock = port, threading.Lock()
        self.mode, self.left, self.broken, self.cuts, self.passed = None, 0, False, 0, 0
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database, options=""):
        return "mongodb://127.0.0.1:%d/%s?directConnection=true%s" % (self.port, database, options)

    def cut(self, mode, after=0, lasting=False):
        with self.lock:
            self.mode, self.left, self.lasting = mode, after, lasting

    def mend(self):
        with self.lock:
            self.mode, self.broken = None, False
            for one in list(self.open):
                self._end(one, hard=True)

    def close(self):
        self.listener.close()
        self.mend()

    @staticmethod
    def _end(one, hard):
        try:
            if hard:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()
            else:
                one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            for one, other, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(one, other, is_answer), daemon=True).start()

    def _due(self, count):
        """How many of count bytes pass, and what then happens."""
        with self.lock:
            if self.broken:
                return 0, self.mode
            self.passed += count
            if not self.mode or self.left >= count:
                self.left -= min(self.left, count)
                return count, None
            passes, mode = self.left, self.mode
            self.cuts += 1
            if self.lasting:
                self.broken = True
            else:
                self.mode = None
            return passes, mode

    def _pump(self, one, other, is_answer):
        try:
            while data := one.recv(65536):
                passes, mode = self._due(len(data)) if is_answer else (len(data), None)
                other.sendall(data[:passes])
                if mode == "stall":
                    return  # both ends stay open: mend or close ends them
                if mode:
                    self._end(other, hard=mode == "reset")
                    self._end(one, hard=True)
                    return
        except OSError:
            pass
        if not self.broken:
            self._end(other, hard=False)
