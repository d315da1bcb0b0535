"""Lambda's runtime API on loopback, for one program: what a function's runtime asks, and nothing else.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import os
import selectors
import socket
import subprocess
import time


class Function:
    """A function's program, started, with an invocation at a time."""

    def __init__(self, program, environment, log):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.asking = None
        self.invocations = 0
        address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        environment = {
            **environment,
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": os.path.basename(os.path.dirname(program)) or "function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        started = time.perf_counter()
        self.process = subprocess.Popen([program], env=environment, stdout=log, stderr=log)
        try:
            self._wait_for_next()
        except BaseException:
            self.stop()
            raise
        # Seconds from before the process is made to its first request for work.
        self.init = time.perf_counter() - started

    def invoke(self, event):
        """Answers the seconds it took, whether it went well, and what was answered."""
        self.invocations += 1
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-{self.invocations:012}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int((time.time() + 600) * 1000)}\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:measured\r\n"
            "Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0\r\n"
            f"Content-Length: {len(event)}\r\n\r\n"
        )
        started = time.perf_counter()
        self.asking.sendall(head.encode() + event)
        connection, path, body = self._request()
        took = time.perf_counter() - started
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        self._wait_for_next()
        return took, path.endswith("/response"), body

    def peak(self):
        """The most memory that it has had resident, in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def stop(self):
        self.process.kill()
        self.process.wait()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def _wait_for_next(self):
        connection, path, body = self._request()
        if not path.endswith("/invocation/next"):
            raise RuntimeError(f"{path} instead of a request for work: {body[:500]!r}")
        self.asking = connection

    def _request(self):
        """The next request on whatever connection it comes."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            for key, _ in self.selector.select(timeout=1):
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.selector.register(connection, selectors.EVENT_READ)
                    continue
                request = _read(key.fileobj)
                if request is None:
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                return key.fileobj, *request
            if self.process.poll() is not None:
                raise RuntimeError(f"the function ended with {self.process.returncode}")
        raise RuntimeError("the function asks for nothing")


def _read(connection):
    """Path and body of one request; None where the connection is closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    if "chunked" in headers.get("transfer-encoding", ""):
        raise RuntimeError("an answer in chunks is not understood here")
    length = int(headers.get("content-length", 0))
    pieces, got = [body], len(body)
    while got < length:
        piece = connection.recv(1 << 20)
        if not piece:
            return None
        pieces.append(piece)
        got += len(piece)
    return lines[0].split(" ")[1], b"".join(pieces)
