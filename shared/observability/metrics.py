"""What a process says about itself: log lines, trace context (W3C), and the list of every metric with its meaning and unit."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# No label holds what users choose freely (a sandbox, a code, a path): each is one of a few words that our own code knows.
REQUESTS = Counter(
    "lienthong_requests_total", "HTTP requests answered, by route, method and status", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram("lienthong_request_seconds", "Time to answer an HTTP request, in seconds", ["route"])
REFUSALS = Counter("lienthong_refusals_total", "Requests refused, by problem type", ["problem"])
JOURNEYS = Counter(
    "lienthong_journeys_total",
    "Things that came to a state, the one they are born into included, by state and the channel they came in through",
    ["service", "state", "channel"],
)
EVENTS_TOLD = Counter("lienthong_events_told_total", "Events written to the event log, by type", ["type"])
EVENTS_POSTED = Counter(
    "lienthong_events_posted_total", "Events acknowledged by the broker, repeats included", ["source"]
)
EVENTS_APPLIED = Counter("lienthong_events_applied_total", "Events applied in effect, by type", ["type"])
EVENTS_SKIPPED = Counter("lienthong_events_skipped_total", "Records read and not applied, by reason", ["reason"])
GAPS = Counter(
    "lienthong_gaps_total", "Times a reader found numbers missing in a lane and asked for replay", ["source"]
)
FORGETS = Counter("lienthong_broker_forgets_total", "Times the broker had forgotten what it acknowledged", ["source"])
EPOCHS = Counter("lienthong_epochs_total", "Times an event log began a new life", ["source"])
REPLAYS = Counter("lienthong_replays_total", "Lanes sent again at the request of a reader", ["source"])
DEAD_LETTERS = Counter("lienthong_dead_letters_total", "Events put aside as dead letters, by reason", ["reason"])
ORPHANS = Counter("lienthong_orphans_total", "Events about something nobody here knows", ["type"])
BATCH_RETRIES = Counter("lienthong_batch_retries_total", "Batches tried again after a fault of the machine", ["part"])
LEASES_TAKEN = Counter("lienthong_leases_taken_total", "Lanes taken over by this worker", ["part"])
TIMERS_FIRED = Counter("lienthong_timers_fired_total", "Timers fired, by kind", ["kind"])
CALLS_MADE = Counter("lienthong_calls_total", "Background HTTP calls made, by kind and outcome", ["kind", "outcome"])
LAG = Gauge(
    "lienthong_lag_events",
    "Events of a topic numbered by their source and not applied yet, over the lanes of this worker; NaN: not known",
    ["topic"],
)
# What the database of a service holds, told by each of its processes when it is asked (shared/observability/gauges.py): take the
# greatest, never the sum. Counts stop at 10,000.
QUEUE_DEPTH = Gauge("lienthong_queue_depth", "Events written and not yet given to the broker", ["service"])
PARKED = Gauge("lienthong_parked", "Things parked behind a dead letter", ["service"])
CALLS_OPEN = Gauge(
    "lienthong_calls_in_flight", "Background HTTP calls that have not ended, refused ones included", ["service"]
)
TIMERS_DUE = Gauge(
    "lienthong_timers_due", "Timers due and not fired, frozen sandboxes and parked things aside", ["service"]
)
SANDBOXES = Gauge("lienthong_sandboxes", "Sandboxes that are not deleted", ["service"])
TABLE_BYTES = Gauge(
    "lienthong_table_bytes", "Bytes on disk of a table, its indexes and large values included", ["service", "table"]
)
