"""A province's program behind a webhook, run by the proof: `python -m tools.prove.receiver CREDENTIALS.json PORT`.

It verifies each delivery, says everything that follows from it, and only then takes it. It keeps each message in a file before
it is said: told again, it says the same again, and gets the verdict `duplicate`. Prints one line per message.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

from contracts import lifecycle as law

STEPS = {
    law.DOSSIER_SUBMITTED: (law.DOSSIER_RECEIVED, law.FEE_DEMANDED),
    law.PAYMENT_CONFIRMED: (law.PROCESSING_STARTED, law.DOSSIER_RESULT_READY, law.DOSSIER_RESULT_RETURNED),
}
RESULT = Path(__file__).parents[2] / "examples" / "connectors" / "result.pdf"


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    credentials: dict[str, Any]
    http: httpx.Client

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            Webhook(self.credentials["secret"]).verify(body, dict(self.headers.items()))
            self._answer(json.loads(body))
            status = 204
        except (WebhookVerificationError, httpx.HTTPError) as error:
            print(f"not taken: {error!r}", flush=True)
            status = 500
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, event: dict[str, Any]) -> None:
        code = event["subject"]
        dossier = self.credentials["events"].removesuffix("/events") + f"/dossiers/{code}"
        for type in STEPS.get(event["type"], ()):
            if type == law.DOSSIER_RESULT_READY:
                self.http.put(
                    f"{dossier}/result", content=RESULT.read_bytes(), headers={"Content-Type": "application/pdf"}
                )
            kept = Path(f"{code}.{type}.json")
            if not kept.exists():
                message = self.http.get(f"{dossier}/example", params={"type": type}).raise_for_status().json()
                _write(kept, json.dumps({**message, "id": f"{code}/{type}"}))
            kind = {"Content-Type": "application/cloudevents+json"}
            answer = self.http.post(self.credentials["events"], content=kept.read_bytes(), headers=kind)
            if answer.status_code not in (200, 422):
                answer.raise_for_status()
            print(f"{answer.json()['outcome']}: {type} of {code}", flush=True)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _write(file: Path, text: str) -> None:
    """Whole or not at all, even if the process is killed."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.rename(file)


def main() -> None:
    Receiver.credentials = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bearer = {"Authorization": f"Bearer {Receiver.credentials['key']}"}
    Receiver.http = httpx.Client(headers=bearer, timeout=30.0, trust_env=False)
    print("connected to the webhook's sender", flush=True)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver).serve_forever()


if __name__ == "__main__":
    main()
