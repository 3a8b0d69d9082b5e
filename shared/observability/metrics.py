"""Every Prometheus metric of our processes, with its meaning and unit."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# No label contains text that users choose freely (a sandbox, a code, a path). Every label has a small, fixed set of values.
REQUESTS = Counter(
    "lienthong_requests_total", "HTTP requests answered, by route, method and status", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram("lienthong_request_seconds", "Time to answer an HTTP request, in seconds", ["route"])
REFUSALS = Counter("lienthong_refusals_total", "Requests refused, by problem type", ["problem"])
JOURNEYS = Counter(
    "lienthong_journeys_total",
    "Things that entered a state, their first state included, by state and by the channel through which they came in",
    ["service", "state", "channel"],
)
EVENTS_WRITTEN = Counter("lienthong_events_told_total", "Events written to the event log, by type", ["type"])
EVENTS_SENT = Counter(
    "lienthong_events_posted_total", "Events acknowledged by the broker, repeats included", ["source"]
)
EVENTS_APPLIED = Counter("lienthong_events_applied_total", "Events applied in effect, by type", ["type"])
EVENTS_SKIPPED = Counter("lienthong_events_skipped_total", "Records read but not applied, by reason", ["reason"])
GAPS = Counter(
    "lienthong_gaps_total", "Times a reader found missing numbers in a lane and requested a replay", ["source"]
)
FORGETS = Counter(
    "lienthong_broker_forgets_total", "Times the broker had lost records that it had acknowledged", ["source"]
)
EPOCHS = Counter("lienthong_epochs_total", "Times an event log began a new epoch", ["source"])
REPLAYS = Counter("lienthong_replays_total", "Lanes sent again at the request of a reader", ["source"])
DEAD_LETTERS = Counter("lienthong_dead_letters_total", "Events stored as dead letters, by reason", ["reason"])
ORPHANS = Counter("lienthong_orphans_total", "Events about a subject that this service does not know", ["type"])
BATCH_RETRIES = Counter("lienthong_batch_retries_total", "Batches repeated after a technical fault", ["part"])
LEASES_TAKEN = Counter("lienthong_leases_taken_total", "Lanes taken over by this worker", ["part"])
TIMERS_FIRED = Counter("lienthong_timers_fired_total", "Timers fired, by kind", ["kind"])
CALLS_MADE = Counter("lienthong_calls_total", "Background HTTP calls made, by kind and outcome", ["kind", "outcome"])
LAG = Gauge(
    "lienthong_lag_events",
    "Events of a topic that their source has numbered and that are not applied yet, in the lanes of this worker; NaN: not known",
    ["topic"],
)
# Values from the database of a service (shared/observability/gauges.py). Every process of the service reports the same
# values: take the maximum, not the sum. Counts stop at 10,000.
QUEUE_DEPTH = Gauge("lienthong_queue_depth", "Events written and not yet sent to the broker", ["service"])
PARKED = Gauge("lienthong_parked", "Subjects parked behind a dead letter", ["service"])
CALLS_OPEN = Gauge(
    "lienthong_calls_in_flight", "Background HTTP calls that have not ended, refused ones included", ["service"]
)
TIMERS_DUE = Gauge(
    "lienthong_timers_due", "Timers due and not fired, without frozen sandboxes and parked subjects", ["service"]
)
SANDBOXES = Gauge("lienthong_sandboxes", "Sandboxes that are not deleted", ["service"])
TABLE_BYTES = Gauge(
    "lienthong_table_bytes", "Bytes on disk of a table, its indexes and large values included", ["service", "table"]
)
