"""The type of an instant in JSON: RFC 3339 with an explicit offset. Any other text is refused."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?[+-][0-9]{2}:[0-9]{2}$"


class _Rfc3339:
    """pydantic alone also accepts digits as a time: it would read 20261126100000 as a time in the year 2612."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        moment = core_schema.datetime_schema(tz_constraint="aware")
        text = core_schema.chain_schema([core_schema.str_schema(pattern=RFC3339), moment])
        instance = core_schema.datetime_schema(tz_constraint="aware", strict=True)
        return core_schema.json_or_python_schema(text, core_schema.union_schema([instance, text]))


Instant = Annotated[datetime, _Rfc3339()]
