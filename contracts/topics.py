"""Topics, and which event types travel on each."""

from __future__ import annotations

from contracts import lifecycle as law

TO_PROVINCE = "dossier.to-province.v1"
TO_PORTAL = "dossier.to-portal.v1"
VOID = "lane.void.v1"  # on both: a number of a lane that holds no event
FROM_PORTAL = tuple(name for name, event in law.EVENTS.items() if event.publisher == law.PORTAL)
FROM_PROVINCE = tuple(name for name, event in law.EVENTS.items() if event.publisher == law.PROVINCE)
TOPICS: dict[str, tuple[str, ...]] = {TO_PROVINCE: FROM_PORTAL, TO_PORTAL: FROM_PROVINCE}
TOPIC_OF: dict[str, str] = {type: topic for topic, types in TOPICS.items() for type in types}
ROUTES = {TO_PROVINCE: ("portal", "gateway"), TO_PORTAL: ("gateway", "portal")}  # topic → source, reader
READERS = dict(ROUTES.values())  # source → reader
