"""What a program does with the gateway, step by step: python3 examples/python/accounts.py

Needs Python 3.8, and nothing else. Reads GATEWAY_URL, LOGIN and PASSWORD: those of an Administrator or the Super Admin.
"""

import base64
import http.client
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("GATEWAY_URL", "http://127.0.0.1:4000")
LOGIN, PASSWORD = os.environ.get("LOGIN"), os.environ.get("PASSWORD")
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode(),
    "Content-Type": "application/json",
    "Accept": "application/json",
}
ATTEMPTS = 5
POLLING_SECONDS = 1
# What passes by itself.
PASSING = {"OVERLOADED", "UNAVAILABLE", "IDEMPOTENCY_IN_FLIGHT"}


class Refused(Exception):
    """The gateway refused something, and changed nothing. Its codes are listed in docs/errors.md."""

    def __init__(self, code, message, field=None, retry_after=None):
        super().__init__(message)
        self.code = code
        self.field = field
        self.retry_after = retry_after


def ask_once(document, variables):
    """Sends a query or mutation, and returns its data."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{URL}/graphql", body, HEADERS), timeout=60) as response:
            answer, headers = json.load(response), response.headers
    except urllib.error.HTTPError as response:
        # A refusal has a status of its own, and a body like any other answer.
        answer, headers = json.load(response), response.headers
    if "errors" in answer:
        error = answer["errors"][0]
        extensions = error["extensions"]
        raise Refused(extensions["code"], error["message"], extensions.get("field"), headers.get("Retry-After"))
    return answer["data"]


def ask(document, **variables):
    """As ask_once, and again while the network fails or the gateway is busy.

    Nobody knows then whether a change was made. So each change here has an idempotency key: it is made once, however often it is sent.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return ask_once(document, variables)
        except Refused as refused:
            if refused.code not in PASSING:
                raise
            time.sleep(int(refused.retry_after or attempt))
        except (OSError, http.client.HTTPException):
            time.sleep(attempt)
    return ask_once(document, variables)


def create_account(**values):
    document = """
      mutation CreateAccount($input: CreateAccountInput!) {
        createAccount(input: $input) { account { sid friendlyName status } }
      }
    """
    return ask(document, input={"idempotencyKey": str(uuid.uuid4()), **values})["createAccount"]["account"]


def set_status(sid, status, dry_run=False):
    document = """
      mutation SetStatus($input: SetAccountStatusInput!) {
        setAccountStatus(input: $input) { reachedCount reached { status count } }
      }
    """
    values = {"sid": sid, "status": status, "dryRun": dry_run, "idempotencyKey": str(uuid.uuid4())}
    return ask(document, input=values)["setAccountStatus"]


def close_account(sid):
    document = "mutation CloseAccount($input: CloseAccountInput!) { closeAccount(input: $input) { reachedCount } }"
    return ask(document, input={"sid": sid, "idempotencyKey": str(uuid.uuid4())})["closeAccount"]


def accounts_below(sid, only=None):
    """All accounts below one, in the order of the tree, read page by page. `only` is a filter, such as {"status": "SUSPENDED"}."""
    document = """
      query AccountsBelow($sid: ID!, $after: String, $only: AccountFilter) {
        account(by: { sid: $sid }) {
          descendants(first: 2, after: $after, filter: $only) {
            nodes { sid friendlyName status statusChangedAt }
            pageInfo { hasNextPage endCursor }
          }
        }
      }
    """
    after = None
    while True:
        page = ask(document, sid=sid, after=after, only=only)["account"]["descendants"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def events(sid, after=None):
    """What happens to an account and everything below it: all that did, then what does, without end.

    Keep the ID of the last event where your other data is: as `after`, it lets the next run go on there.
    """
    document = """
      query Events($sid: ID!, $after: ID) {
        events(accountSid: $sid, after: $after, first: 100) {
          nodes { id type data { account { sid } reached } }
          pageInfo { hasNextPage endCursor }
        }
      }
    """
    while True:
        page = ask(document, sid=sid, after=after)["events"]
        yield from page["nodes"]
        after = page["pageInfo"]["endCursor"] or after
        if not page["pageInfo"]["hasNextPage"]:
            time.sleep(POLLING_SECONDS)


def main():
    viewer = ask("query Viewer { viewer { emailAddress } }")["viewer"]
    print(f"Signed in as {viewer['emailAddress']}.")

    # Different addresses each time, so that this can be run again.
    run = secrets.token_hex(4)
    wanted = {
        "emailAddress": f"reseller-{run}@example.com",
        "password": f"the password of {run}",
        "role": "ADMINISTRATOR",
        "idempotencyKey": str(uuid.uuid4()),
    }
    reseller = create_account(**wanted)
    # As when the first answer got lost.
    if create_account(**wanted) != reseller:
        sys.exit("The same idempotency key made two accounts.")
    print(f"Created {reseller['friendlyName']} as {reseller['sid']}. Sent again with the same idempotency key, it is still one account.")

    sids = {"": reseller["sid"]}
    for name, parent in [("shop", ""), ("cashier", "shop"), ("storeroom", "shop"), ("office", "")]:
        account = create_account(
            parentSid=sids[parent],
            emailAddress=f"{name}-{run}@example.com",
            password=f"the password of {run}",
            friendlyName=name,
            role="ADMINISTRATOR",
        )
        sids[name] = account["sid"]
    print("Below it, read in pages of two:", ", ".join(account["friendlyName"] for account in accounts_below(reseller["sid"])))

    shop = sids["shop"]
    rehearsal = set_status(shop, "SUSPENDED", dry_run=True)
    print("Suspending the shop would reach", ", ".join(f"{reach['count']} {reach['status']}" for reach in rehearsal["reached"]))
    off = [account["friendlyName"] for account in accounts_below(reseller["sid"], {"status": "SUSPENDED"})]
    print("That was a dry run. Off after it:", ", ".join(off) or "nobody")
    print(f"Suspended {set_status(shop, 'SUSPENDED')['reachedCount']} accounts. Off now:")
    for account in accounts_below(reseller["sid"], {"status": "SUSPENDED"}):
        print(f"  {account['friendlyName']}, since {account['statusChangedAt']}")

    for parent, address in [(shop, f"new-{run}@example.com"), (reseller["sid"], wanted["emailAddress"])]:
        try:
            create_account(parentSid=parent, emailAddress=address, password=f"the password of {run}", role="DEVELOPER")
            sys.exit(f"{address} should have been refused.")
        except Refused as refused:
            if refused.code == "PARENT_NOT_ACTIVE":
                print("Nothing active can be created below the shop while it is suspended: PARENT_NOT_ACTIVE.")
            elif refused.code == "EMAIL_IN_USE":
                print(f"{address} belongs to an account already: EMAIL_IN_USE, because of {refused.field}.")
            else:
                raise

    print("What happened, and happens:")
    for event in events(reseller["sid"]):
        print(f"  {event['id']} {event['type']}", *(event["data"]["reached"] or [event["data"]["account"]["sid"]]))
        if event["type"] == "ACCOUNT_SUSPENDED":
            close_account(reseller["sid"])
        if event["type"] == "ACCOUNT_CLOSED":
            break
    print("All of them are closed.")


if __name__ == "__main__":
    if not LOGIN or not PASSWORD:
        sys.exit("Set LOGIN and PASSWORD to those of an Administrator.")
    try:
        main()
    except Refused as refused:
        sys.exit(f"{refused.code}: {refused}")
    except OSError as error:
        sys.exit(f"{URL} did not answer ({error}). Is the gateway there? GATEWAY_URL says where it is.")
