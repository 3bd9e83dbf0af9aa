"""A receiver of the gateway's events: python3 examples/webhook_receiver.py

Needs Python 3.8, and nothing else. WEBHOOK_SECRET is what createWebhook returned; several are separated by spaces.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS = [secret for secret in os.environ.get("WEBHOOK_SECRET", "").split() if secret.startswith("whsec_")]
TOLERANCE_SECONDS = 300


def is_genuine(headers, body):
    """Whether the request comes from the gateway, and was sent just now."""
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    given = headers.get("webhook-signature", "").split(" ")
    for secret in SECRETS:
        digest = hmac.new(base64.b64decode(secret[len("whsec_"):]), signed, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        if any(hmac.compare_digest(expected, signature) for signature in given):
            return True
    return False


# How far each tree is: an event may come twice, and then it has the same ID. Keep this where your other data is.
done = {}


def is_repeated(event_id):
    """Whether the event was dealt with before. Positions and parts of a tree only ever grow."""
    tree, *place = event_id.split(":")
    place = tuple(int(number) for number in place)
    if place <= done.get(tree, (0,)):
        return True
    done[tree] = place
    return False


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not is_genuine(self.headers, body):
            return self.answer(400)
        event = json.loads(body)
        if event["type"] == "webhook.test" or not is_repeated(event["id"]):
            # What to do about it goes here. Answer only when it is done: the gateway sends the next event of the tree after that.
            reached = event["data"].get("reached") or [event["data"].get("account", {}).get("sid", "")]
            print(event["timestamp"], event["id"], event["type"], *reached, flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        """Says nothing of requests."""


if not SECRETS:
    sys.exit("Set WEBHOOK_SECRET to the secret of the webhook: whsec_…")
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
print(f"Listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
