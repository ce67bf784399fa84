"""Serves a plan on loopback: ``python -m tests.tools.links.plan_server PLAN.json [CERTIFICATE.pem]``.

Prints ``ready``, and what was asked of it when its input ends.
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import resource
import socket
import ssl
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

RESET = b"\1\0\0\0\0\0\0\0"
SILENT, DRIPS, ENDLESS = 60.0, 30, 64 << 20


class Web:
    """What is to be answered, and what was asked so far."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.requests: Counter[str] = Counter()
        self.began: dict[str, float] = {}
        self.tokens = {host: (float(limit["burst"]), monotonic()) for host, limit in plan["limits"].items()}
        self.forbidden: dict[str, float] = {}
        self.refused = self.inside = self.most = 0
        self.busy: Counter[str] = Counter()
        pack = gzip.compress(b"\0" * (1 << 20), 9)
        self.bomb = pack * 1024

    def answer(self, host: str, method: str, path: str) -> dict[str, Any]:
        now = monotonic()
        self.requests[host + path] += 1
        self.inside += now < self.forbidden.get(host, 0.0)
        if limit := self.plan["limits"].get(host):
            left, at = self.tokens[host]
            left = min(limit["burst"], left + (now - at) * limit["rate"])
            self.tokens[host] = (left - (left >= 1), now)
            if left < 1:
                self.refused += 1
                self.forbidden[host] = max(self.forbidden.get(host, 0.0), now + limit["retry_after"])
                return {"status": 429, "headers": {"Retry-After": str(limit["retry_after"])}}
        found: dict[str, Any] = self.plan["answers"].get(host, {}).get(path, {"status": 404})
        if method == "HEAD" and "HEAD" in found:
            return dict(found["HEAD"])
        began = self.began.setdefault(host + path, now)
        if first := found.get("first"):
            early = now - began < first["seconds"] if "seconds" in first else self.requests[host + path] <= first["count"]
            return dict(first) if early else found
        return found


class Connection(asyncio.Protocol):
    def __init__(self, web: Web, host: str) -> None:
        self.web, self.host = web, host
        self.data = b""
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, error: Exception | None) -> None:
        if self.task:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            method, path, _ = self.data[: self.data.index(b"\r\n")].decode("latin-1").split(" ", 2)
            self.data = self.data[end + 4 :]
            answer = self.web.answer(self.host, method, path)
            self.web.busy[self.host] += 1
            self.web.most = max(self.web.most, self.web.busy[self.host])
            if delay := answer.get("delay"):
                asyncio.get_running_loop().call_later(delay, self.send, method, answer)
            else:
                self.send(method, answer)

    def send(self, method: str, answer: dict[str, Any]) -> None:
        self.web.busy[self.host] -= 1
        if self.transport.is_closing():
            return
        if act := answer.get("act"):
            self.task = asyncio.get_running_loop().create_task(self.misbehave(act, method))
            return
        body = b"x" * answer["size"] if "size" in answer else answer.get("body", "").encode()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": len(body), **answer.get("headers", {})}
        lines = [f"HTTP/1.1 {answer['status']} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body))

    async def misbehave(self, act: str, method: str) -> None:
        write = self.transport.write
        if act == "reset":
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
            return
        if act == "silent":
            await asyncio.sleep(SILENT)
        elif act == "drip":
            write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(DRIPS):
                if self.transport.is_closing():
                    return
                write(b"x")
                await asyncio.sleep(1)
        elif act == "endless":
            write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
            for _ in range(ENDLESS >> 16):
                if self.transport.is_closing():
                    return
                write(b"y" * 65536)
                while self.transport.get_write_buffer_size() > 1 << 20:
                    await asyncio.sleep(0.001)
        elif act == "bomb":
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {len(self.web.bomb)}\r\n\r\n"
            write(head.encode() + self.web.bomb)
            return
        self.transport.close()


async def serve(plan: dict[str, Any], certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    web, loop = Web(plan), asyncio.get_running_loop()
    for host in plan["hosts"]:
        if not ipaddress.ip_address(host).is_loopback:
            raise SystemExit(f"{host} is not on loopback")
        await loop.create_server(lambda host=host: Connection(web, host), host, plan["port"], backlog=1024, ssl=context)  # type: ignore[misc]
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({"requests": web.requests.total(), "refused": web.refused, "inside": web.inside, "most": web.most}), flush=True)


if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 65536), limit))
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2] if len(sys.argv) > 2 else None))
