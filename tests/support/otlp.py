"""An OTLP/HTTP receiver on loopback that stores the spans, like a tracing backend."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

KINDS = {Wire.SPAN_KIND_SERVER: "server", Wire.SPAN_KIND_CLIENT: "client", Wire.SPAN_KIND_INTERNAL: "internal"}
KINDS |= {Wire.SPAN_KIND_PRODUCER: "producer", Wire.SPAN_KIND_CONSUMER: "consumer"}


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    begun: int
    ended: int
    links: tuple[str, ...] = ()  # trace ids
    failed: bool = False
    facts: dict[str, Any] = field(default_factory=dict, hash=False)


class Receiver:
    """The received spans, in order of arrival."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._spans: list[Span] = []
        self._came = threading.Condition()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        found = [
            _span({each.key: _value(each.value) for each in group.resource.attributes}["service.name"], span)
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
        with self._came:
            self._spans += found
            self._came.notify_all()

    def spans(self) -> list[Span]:
        with self._came:
            return list(self._spans)

    def wait_for(self, holds: Callable[[list[Span]], bool], seconds: float = 30) -> list[Span]:
        """All spans as soon as `holds` is true for them; fails after `seconds`."""
        end = time.monotonic() + seconds
        with self._came:
            while not holds(self._spans):
                left = end - time.monotonic()
                assert left > 0, f"only these spans came: {[(span.service, span.name) for span in self._spans]}"
                self._came.wait(left)
            return list(self._spans)


def _span(service: str, span: Any) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        begun=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        links=tuple(link.trace_id.hex() for link in span.links),
        failed=span.status.code == 2,
        facts={each.key: _value(each.value) for each in span.attributes},
    )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that listens while the block runs."""

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kept.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.daemon_threads = True
        kept = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield kept
        server.shutdown()
