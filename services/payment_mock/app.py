"""Creates the FastAPI application of payment_mock, and runs it."""

from __future__ import annotations

from fastapi import FastAPI

from services.payment_mock import checkout, keypay, orders, partner, registering
from services.payment_mock.problems import PROBLEMS
from services.payment_mock.runtime import PaymentRuntime
from services.payment_mock.settings import Settings
from shared.lab import sandbox
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def create_app(settings: Settings | None = None) -> FastAPI:
    runtime = PaymentRuntime(settings or Settings())
    summary = "A stand-in for the national payment platform, with the protocol of the real one; the money is invented."
    of_partners = (partner.router, partner.wrapper_router, keypay.router, registering.router)
    routers = (orders.router, checkout.router, *of_partners, sandbox.replica_router, sandbox.router)
    title = "Liên Thông: payment_mock"
    templates = checkout.templates_of(runtime.payment)
    return web.create_app(
        runtime, title, PROBLEMS, runtime.callers.run, routers=routers, summary=summary, templates=templates
    )


def main() -> None:
    logs.configure_logs("payment")
    settings = Settings()
    server.serve(create_app(settings), settings.payment_url)


if __name__ == "__main__":
    main()
