"""Looks at the whole country from where it runs, and prints what it saw; on this machine and in a container alike.

    python look_around.py PORTAL IDENTITY KAFKA POSTGRES      addresses as they are from there

Needs only what the image holds.
"""

import asyncio
import json
import sys
from typing import Any

import asyncpg
import httpx
from aiokafka.admin import AIOKafkaAdminClient


async def look(portal: str, identity: str, kafka: str, postgres: str) -> dict[str, Any]:
    """Every address, the issuer and its keys, the topics, the databases: the same from everywhere."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        doors = (await http.get(f"{portal}/_lab/doors")).json()
        discovery = (await http.get(f"{identity}/.well-known/openid-configuration")).json()
        keys = (await http.get(f"{identity}/jwks")).json()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        topics = sorted(topic for topic in await admin.list_topics() if not topic.startswith("_"))
    finally:
        await admin.close()
    connection = await asyncpg.connect(f"postgresql://{postgres}/postgres")
    try:
        databases = await connection.fetchval("SELECT array_agg(datname ORDER BY datname) FROM pg_database")
    finally:
        await connection.close()
    return {"doors": doors, "issuer": discovery["issuer"], "keys": keys, "topics": topics, "databases": databases}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(*sys.argv[1:]))))
