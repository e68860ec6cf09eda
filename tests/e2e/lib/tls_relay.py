#!/usr/bin/env python3
"""Carries plain connections to a TLS server, half-closed ones included: what speaks raw bytes can test what is behind TLS.
usage: tls_relay.py PORT    PORT of the TLS server on 127.0.0.1; prints its own port, then serves until its stdin ends."""
import socket
import ssl
import sys
import threading

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
CONTEXT.set_alpn_protocols(["http/1.1"])


class Relay:
    def __init__(self, plain, port):
        self.plain = plain
        self.server = socket.create_connection(("127.0.0.1", port))
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = CONTEXT.wrap_bio(self.arrived, self.leaving)
        self.lock = threading.Lock()  # of tls and the order of what leaves

    def send_out(self):
        if self.leaving.pending:
            self.server.sendall(self.leaving.read())

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.send_out()
                return
            except ssl.SSLWantReadError:
                self.send_out()
                more = self.server.recv(65536)
                if not more:
                    raise ConnectionError("the server ended the handshake")
                self.arrived.write(more)

    def hand_over(self):
        """What has arrived whole, with the lock held; False at the goodbye."""
        try:
            while data := self.tls.read(65536):
                self.plain.sendall(data)
            return False
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLZeroReturnError:
            return False

    def up(self):
        try:
            while True:
                data = self.plain.recv(65536)
                with self.lock:
                    if data:
                        self.tls.write(data)
                    else:
                        self.hand_over()  # Python's unwrap would throw it away
                        try:
                            self.tls.unwrap()  # says goodbye, and does not wait for the answer
                        except ssl.SSLError:
                            pass
                    self.send_out()
                if not data:
                    return
        except OSError:
            pass

    def down(self):
        try:
            while True:
                with self.lock:
                    if not self.hand_over():
                        break
                more = self.server.recv(65536)
                with self.lock:
                    if not more:
                        self.arrived.write_eof()
                        break
                    self.arrived.write(more)
        except OSError:
            pass
        finally:
            for end, how in ((self.plain, socket.SHUT_WR), (self.server, socket.SHUT_RDWR)):
                try:
                    end.shutdown(how)
                except OSError:
                    pass
            self.server.close()


def carry(plain, port):
    try:
        relay = Relay(plain, port)
        relay.handshake()
    except OSError:
        plain.close()
        return
    up = threading.Thread(target=relay.up, daemon=True)
    up.start()
    relay.down()
    up.join(timeout=15)
    plain.close()


def main():
    port = int(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            plain, _ = listener.accept()
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=carry, args=(plain, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


main()
