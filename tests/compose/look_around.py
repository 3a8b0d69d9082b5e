"""Looks at the whole country from where it runs, and prints what it saw; on this machine and in a container alike.

    python look_around.py PORTAL IDENTITY KAFKA POSTGRES      addresses as they are from there

Needs only what the image holds. The passwords are in KAFKA_SASL_PASSWORD and PGPASSWORD; without them, the last two must refuse.
"""

import asyncio
import json
import os
import sys
from typing import Any

import asyncpg
import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


async def look(portal: str, identity: str, kafka: str, postgres: str) -> dict[str, Any]:
    """Every address, the issuer and its keys, the topics, the databases: the same from everywhere."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        doors = (await http.get(f"{portal}/_lab/doors")).json()
        discovery = (await http.get(f"{identity}/.well-known/openid-configuration")).json()
        keys = (await http.get(f"{identity}/jwks")).json()
    inside = {"topics": await topics(kafka), "databases": await databases(postgres)}
    return {"doors": doors, "issuer": discovery["issuer"], "keys": keys, **inside}


async def topics(kafka: str) -> list[str] | str:
    """The topics, or the name of the refusal."""
    login = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "lienthong", "security_protocol": "SASL_PLAINTEXT"}
    password = os.environ.get("KAFKA_SASL_PASSWORD")
    admin = AIOKafkaAdminClient(
        bootstrap_servers=kafka, **({**login, "sasl_plain_password": password} if password else {})
    )
    try:
        await admin.start()
        return sorted(topic for topic in await admin.list_topics() if not topic.startswith("_"))
    except KafkaError as error:
        return type(error).__name__
    finally:
        await admin.close()


async def databases(postgres: str) -> list[str] | str:
    """The databases, or the name of the refusal."""
    try:
        connection = await asyncpg.connect(f"postgresql://{postgres}/postgres")
    except asyncpg.PostgresError as error:
        return type(error).__name__
    try:
        names: list[str] = await connection.fetchval("SELECT array_agg(datname ORDER BY datname) FROM pg_database")
        return names
    finally:
        await connection.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(*sys.argv[1:]))))
