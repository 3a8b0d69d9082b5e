"""The only module that imports the OpenTelemetry SDK: exports finished spans to an OTLP endpoint, over HTTP, in a thread.

The SDK itself reads all other standard variables, such as OTEL_EXPORTER_OTLP_HEADERS, OTEL_BSP_SCHEDULE_DELAY and
OTEL_TRACES_SAMPLER.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

QUEUE = 16_384  # spans; a batch of 500 events makes 500 spans at once, and the SDK's default of 2,048 would drop some
CLOSE_SECONDS = 2.0  # an endpoint that does not reply must not delay the end of a process
KINDS = {kind.name.lower(): kind for kind in SpanKind}
REMOTE = {"server", "consumer", "producer"}  # kinds of spans whose parent span is, or can be, in another process


class _Ids(IdGenerator):
    """Returns the ids that our code has already drawn and propagated, instead of drawing new ones."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


class Exporter:
    """The exporter of one process.

    service  name of the service in traces
    role     name of this process
    """

    def __init__(self, service: str, role: str) -> None:
        self._ids = _Ids()
        attributes = {
            "service.name": service,
            "service.namespace": "lienthong",
            "service.instance.id": f"{role}-{os.getpid()}",
        }
        self._provider = TracerProvider(resource=Resource.create(attributes), id_generator=self._ids)
        size = None if OTEL_BSP_MAX_QUEUE_SIZE in os.environ else QUEUE
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=size))
        self._tracer = self._provider.get_tracer("lienthong")

    def export(
        self,
        kind: str,
        name: str,
        own: str,
        parent: str,
        times: tuple[int, int],
        facts: Mapping[str, str | int],
        link: str = "",
        error: str = "",
    ) -> None:
        """Export a finished span.

        own, parent, link  `traceparent`s; parent and link may be empty
        times              begin and end, nanoseconds since 1970
        error              kind of the error (`error.type`), or empty
        """
        context = _context(own, remote=False)
        self._ids.trace, self._ids.span = context.trace_id, context.span_id
        parent_context = Context()
        if parent:
            parent_span = NonRecordingSpan(_context(parent, remote=kind in REMOTE))
            parent_context = set_span_in_context(parent_span, parent_context)
        links = (Link(_context(link, remote=True)),) if link else ()
        span = self._tracer.start_span(name, parent_context, KINDS[kind], facts, links, times[0])
        if error:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(times[1])

    def close(self) -> None:
        """Export the remaining spans, for at most CLOSE_SECONDS."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)


def _context(traceparent: str, *, remote: bool) -> SpanContext:
    trace, span, flags = traceparent[3:35], traceparent[36:52], traceparent[53:55]
    return SpanContext(int(trace, 16), int(span, 16), remote, TraceFlags(int(flags, 16)))
